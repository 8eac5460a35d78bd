//! Operations with a gradient of their own: a node of libtorch's graph whose backward pass is a Rust function.
//!
//! What PyTorch calls `autograd.Function`. tch has no door to it, so `cpp/autograd.cpp`, sixty lines, makes the node: it
//! holds a closure, calls it when the backward pass arrives, and drops it with the graph. The operation is used like any
//! other: nothing need be called at the right moment, layers stack, outputs branch, and a graph may be walked twice.
//!
//! ```no_run
//! use medner_core::autograd;
//! use tch::Tensor;
//!
//! /// The cube of every element.
//! fn cube(xs: &Tensor) -> medner_core::Result<Tensor> {
//!     let plain = xs.detach();
//!     let output = tch::no_grad(|| plain.f_pow_tensor_scalar(3))?;
//!     autograd::attach(&output, &[xs], move |upstream| {
//!         let slope = plain.f_square()?.f_mul_scalar(3.0)?;
//!         Ok(vec![Some(upstream.f_mul(&slope)?)])
//!     })
//! }
//! ```
//!
//! When a gradient depends on the forward pass only through a scalar loss, as a CRF's does, `(values * gradient).sum()`
//! gives it without a node (see [`crate::crf`]). A layer in the middle of a network learns its upstream gradient only in the
//! backward pass: that needs the node.

use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tch::Tensor;

use crate::error::{CoreError, Result};

/// From the gradient of the loss by the output to those by each input; `None` where there is none.
type Closure = Box<dyn Fn(&Tensor) -> Result<Vec<Option<Tensor>>> + Send>;

/// Bytes of a message that crosses the border, its zero included; as in `cpp/autograd.cpp`.
const MESSAGE: usize = 1024;

/// `at::Tensor`, which tch keeps pointers to.
type CTensor = c_void;

unsafe extern "C" {
    fn medner_autograd_attach(
        output: *mut CTensor,
        inputs: *const *const CTensor,
        count: usize,
        state: *mut c_void,
        backward: unsafe extern "C" fn(
            *mut c_void,
            *mut CTensor,
            *mut *mut CTensor,
            usize,
            *mut c_char,
        ) -> bool,
        drop: unsafe extern "C" fn(*mut c_void),
        message: *mut c_char,
    ) -> bool;
}

/// Makes `output` the result of an operation on `inputs` with this gradient.
///
/// The tensor returned shares the memory of `output`; it is part of the graph when gradients are recorded and an input
/// wants one, else it is `output` as it is. `backward` gets the gradient of the loss by the output (its shape, not
/// necessarily contiguous) and returns one gradient for each input, in their order and shapes. No graph is recorded while
/// it runs; a second derivative is refused. It must not hold a tensor that requires a gradient (hold [`Tensor::detach`]ed
/// ones): the graph would keep itself alive. What it holds must not be written to before the backward pass.
///
/// # Errors
/// [`CoreError::Tch`]. An error or a panic of `backward` becomes the error of the backward pass.
pub fn attach<F>(output: &Tensor, inputs: &[&Tensor], backward: F) -> Result<Tensor>
where
    F: Fn(&Tensor) -> Result<Vec<Option<Tensor>>> + Send + 'static,
{
    let output = output.f_detach()?;
    let pointers: Vec<*const CTensor> = inputs.iter().map(|input| input.as_ptr().cast()).collect();
    let closure: Closure = Box::new(backward);
    let state = Box::into_raw(Box::new(closure)).cast::<c_void>();
    let mut message = [0; MESSAGE];
    // SAFETY: the pointers are those of live tensors, of which C++ copies handles; `state` is given away with the two
    // functions that know what it is; `message` has the room that both sides agree on.
    let attached = unsafe {
        medner_autograd_attach(
            output.as_ptr().cast_mut().cast(),
            pointers.as_ptr(),
            pointers.len(),
            state,
            run,
            drop_state,
            message.as_mut_ptr(),
        )
    };
    if attached {
        return Ok(output);
    }
    // SAFETY: C++ leaves a zero at the end.
    let message = unsafe { CStr::from_ptr(message.as_ptr()) }.to_string_lossy().into_owned();
    Err(CoreError::Tch(tch::TchError::Torch(message)))
}

/// Calls the closure behind `state` for C++.
///
/// # Safety
/// `state` is what [`attach`] gave away; `upstream` is an owned tensor; `gradients` has room for `count` pointers and
/// `message` for [`MESSAGE`] bytes.
unsafe extern "C" fn run(
    state: *mut c_void,
    upstream: *mut CTensor,
    gradients: *mut *mut CTensor,
    count: usize,
    message: *mut c_char,
) -> bool {
    let result = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: as the caller promises; C++ holds a lock of the node, so that the closure runs once at a time.
        let (closure, upstream) = unsafe { (&*state.cast::<Closure>(), Tensor::from_ptr(upstream.cast())) };
        let found = closure(&upstream)?;
        if found.len() != count {
            return Err(CoreError::Config {
                key: "gradient".into(),
                message: format!("an operation on {count} tensors gave {} gradients", found.len()),
            });
        }
        Ok(found)
    }));
    let text = match result {
        Ok(Ok(found)) => {
            for (place, tensor) in found.into_iter().enumerate() {
                if let Some(tensor) = tensor {
                    let tensor = std::mem::ManuallyDrop::new(tensor);
                    // SAFETY: `place` is below `count`; C++ frees the tensor.
                    unsafe { *gradients.add(place) = tensor.as_ptr().cast_mut().cast() };
                }
            }
            return true;
        }
        Ok(Err(error)) => error.to_string(),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            format!("the backward pass panicked: {}", text.unwrap_or_else(|| "no message".into()))
        }
    };
    let length = text.len().min(MESSAGE - 1);
    // SAFETY: the message has room for this many bytes and the zero.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr().cast(), message, length);
        *message.add(length) = 0;
    }
    false
}

/// # Safety
/// `state` is what [`attach`] gave away, and is not used again.
unsafe extern "C" fn drop_state(state: *mut c_void) {
    // SAFETY: as the caller promises.
    drop(unsafe { Box::from_raw(state.cast::<Closure>()) });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use tch::{Device, Kind};

    use super::*;

    fn leaf(values: &[f64]) -> Tensor {
        Tensor::from_slice(values).set_requires_grad(true)
    }

    fn values(tensor: &Tensor) -> Vec<f64> {
        Vec::try_from(tensor).unwrap()
    }

    /// `a * b` with a closure that holds `witness`.
    fn product(a: &Tensor, b: &Tensor, witness: &Arc<()>) -> Tensor {
        let (x, y, witness) = (a.detach(), b.detach(), Arc::clone(witness));
        attach(&(&x * &y), &[a, b], move |upstream| {
            let _ = &witness;
            Ok(vec![Some(upstream * &y), Some(upstream * &x)])
        })
        .unwrap()
    }

    #[test]
    fn gradients_pass_through_branches_and_stacks() {
        let (a, b, witness) = (leaf(&[2.0, -3.0]), leaf(&[5.0, 7.0]), Arc::new(()));
        let c = product(&a, &b, &witness);
        let d = product(&c, &a, &witness);
        assert_eq!(values(&d), [20.0, 63.0]);
        (&d + &c * 10.0).sum(Kind::Double).backward();
        // d/da (a^2 b + 10 a b) = 2 a b + 10 b; d/db = a^2 + 10 a
        assert_eq!(values(&a.grad()), [70.0, 28.0]);
        assert_eq!(values(&b.grad()), [24.0, -21.0]);
    }

    #[test]
    fn an_input_without_gradient_gets_none_and_a_leaf_without_effect_keeps_none() {
        let (a, constant, witness) = (leaf(&[2.0]), Tensor::from_slice(&[3.0_f64]), Arc::new(()));
        product(&a, &constant, &witness).sum(Kind::Double).backward();
        assert_eq!(values(&a.grad()), [3.0]);
        assert!(!constant.grad().defined());
        let b = leaf(&[1.0]);
        let ys = attach(&(&b * 2.0), &[&b], |_| Ok(vec![None])).unwrap();
        (ys + &a).sum(Kind::Double).backward();
        assert!(!b.grad().defined());
    }

    #[test]
    fn the_closure_lives_as_long_as_the_graph() {
        let (a, b, witness) = (leaf(&[2.0]), leaf(&[5.0]), Arc::new(()));
        let c = product(&a, &b, &witness);
        assert_eq!(Arc::strong_count(&witness), 2);
        let loss = c.sum(Kind::Double);
        for round in 1..=2 {
            Tensor::f_run_backward(&[&loss], &[&a], true, false).unwrap();
            assert_eq!(Arc::strong_count(&witness), 2, "round {round}");
        }
        drop((c, loss));
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn nothing_is_recorded_where_nothing_is_asked_for() {
        let (a, b, witness) = (leaf(&[2.0]), leaf(&[5.0]), Arc::new(()));
        let c = tch::no_grad(|| product(&a, &b, &witness));
        let d = product(&a.detach(), &b.detach(), &witness);
        for plain in [c, d] {
            assert!(!plain.requires_grad());
            assert_eq!(values(&plain), [10.0]);
        }
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn what_goes_wrong_in_the_closure_is_the_error_of_the_backward_pass() {
        type Outcome = Result<Vec<Option<Tensor>>>;
        type Case = (Box<dyn Fn() -> Outcome + Send>, &'static str);
        let long = "x".repeat(5000);
        let cases: [Case; 5] = [
            (
                Box::new(|| Err(CoreError::Config { key: "the key".into(), message: "is odd".into() })),
                "the key: is odd",
            ),
            (Box::new(|| panic!("number {}", 7)), "number 7"),
            (Box::new(|| Ok(vec![])), "1 tensors gave 0 gradients"),
            (Box::new(|| Ok(vec![Some(Tensor::zeros([5], (Kind::Double, Device::Cpu)))])), "shape"),
            (Box::new(move || Err(CoreError::Config { key: long.clone(), message: String::new() })), "xxxx"),
        ];
        std::panic::set_hook(Box::new(|_| ()));
        for (outcome, expected) in cases {
            let a = leaf(&[2.0, 3.0]);
            let ys = attach(&a.detach(), &[&a], move |_| outcome()).unwrap();
            let message = ys.sum(Kind::Double).f_backward().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
            // The engine is sound afterwards.
            (&a * 2.0).sum(Kind::Double).backward();
            assert_eq!(values(&a.grad()), [2.0, 2.0]);
        }
        let _ = std::panic::take_hook();
    }

    #[test]
    fn a_second_derivative_is_refused() {
        let (a, b, witness) = (leaf(&[2.0]), leaf(&[5.0]), Arc::new(()));
        let loss = product(&a, &b, &witness).sum(Kind::Double);
        let message = Tensor::f_run_backward(&[&loss], &[&a], true, true).unwrap_err().to_string();
        assert!(message.contains("second derivative"), "{message}");
    }
}
