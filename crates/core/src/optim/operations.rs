//! The rules as libtorch operations on flat tensors: what runs on CUDA, and the fused passes' counterpart in tests.

use tch::Tensor;

use super::kernels::Update;
use crate::error::Result;

/// One stretch: views of the parameters, gradients and moments, all `[n]`.
pub(super) struct Views {
    pub values: Tensor,
    pub gradients: Tensor,
    pub moments: Vec<Tensor>,
}

/// Applies `update` in place; to be called where no graph is recorded.
pub(super) fn apply(update: Update, views: Views) -> Result<()> {
    let Views { values: mut p, gradients, mut moments } = views;
    // The gradient with its L2 penalty; without one the flat gradient itself, which is then not written.
    let penalised = |l2: f32, p: &Tensor| -> Result<Tensor> {
        let g = gradients.shallow_clone();
        if l2 == 0.0 { Ok(g) } else { Ok(g.f_add(&scaled(p, l2)?)?) }
    };
    match update {
        Update::Sgd { lr, l2 } => {
            let g = penalised(l2, &p)?;
            subtract(&mut p, &scaled(&g, lr)?)?;
        }
        Update::Momentum { lr, l2, keep, enter, nesterov } => {
            let g = penalised(l2, &p)?;
            let m = &mut moments[0];
            let _ = m.f_mul_scalar_(f64::from(keep))?.f_add_(&scaled(&g, enter)?)?;
            let direction = if nesterov { g.f_add(&scaled(m, keep)?)? } else { m.shallow_clone() };
            subtract(&mut p, &scaled(&direction, lr)?)?;
        }
        Update::Adam { shrink, l2, w1, b2, w2, size, epsilon } => {
            let g = penalised(l2, &p)?;
            moments_of(&mut moments, &g, w1, b2, w2)?;
            let denominator = moments[1].f_sqrt()?.f_add_scalar_(f64::from(epsilon))?;
            shrunk(&mut p, shrink)?;
            subtract(&mut p, &scaled(&moments[0], size)?.f_div_(&denominator)?)?;
        }
        Update::AmsGrad { shrink, l2, w1, b2, w2, size, epsilon } => {
            let g = penalised(l2, &p)?;
            moments_of(&mut moments, &g, w1, b2, w2)?;
            let top = moments[2].f_maximum(&moments[1])?;
            moments[2].f_copy_(&top)?;
            let denominator = top.f_sqrt()?.f_add_scalar_(f64::from(epsilon))?;
            shrunk(&mut p, shrink)?;
            subtract(&mut p, &scaled(&moments[0], size)?.f_div_(&denominator)?)?;
        }
        Update::AdaGrad { l2, lr, epsilon } => {
            let g = penalised(l2, &p)?;
            let _ = moments[0].f_addcmul_(&g, &g)?;
            let denominator = moments[0].f_sqrt()?.f_add_scalar_(f64::from(epsilon))?;
            subtract(&mut p, &scaled(&g, lr)?.f_div_(&denominator)?)?;
        }
        Update::RmsProp { l2, lr, alpha, w, epsilon, momentum, centered } => {
            let g = penalised(l2, &p)?;
            let _ = moments[0].f_mul_scalar_(f64::from(alpha))?.f_addcmul_(&scaled(&g, w)?, &g)?;
            let mut square = moments[0].shallow_clone();
            if centered {
                let _ = moments[1].f_lerp_(&g, f64::from(w))?;
                square = square.f_subtract(&moments[1].f_square()?)?;
            }
            let step = g.f_div(&square.f_sqrt()?.f_add_scalar_(f64::from(epsilon))?)?;
            if momentum > 0.0 {
                let m = &mut moments[1 + usize::from(centered)];
                let _ = m.f_mul_scalar_(f64::from(momentum))?.f_add_(&step)?;
                subtract(&mut p, &scaled(m, lr)?)?;
            } else {
                subtract(&mut p, &scaled(&step, lr)?)?;
            }
        }
        Update::RAdamWarm { shrink, l2, w1, b2, w2, size } => {
            let g = penalised(l2, &p)?;
            moments_of(&mut moments, &g, w1, b2, w2)?;
            shrunk(&mut p, shrink)?;
            subtract(&mut p, &scaled(&moments[0], size)?)?;
        }
        Update::Lookahead { alpha } => {
            let _ = moments[0].f_lerp_(&p, f64::from(alpha))?;
            p.f_copy_(&moments[0])?;
        }
    }
    Ok(())
}

fn scaled(tensor: &Tensor, factor: f32) -> Result<Tensor> {
    Ok(tensor.f_mul_scalar(f64::from(factor))?)
}

fn subtract(tensor: &mut Tensor, other: &Tensor) -> Result<()> {
    let _ = tensor.f_sub_(other)?;
    Ok(())
}

fn shrunk(tensor: &mut Tensor, factor: f32) -> Result<()> {
    if factor != 1.0 {
        let _ = tensor.f_mul_scalar_(f64::from(factor))?;
    }
    Ok(())
}

/// `m += w1 (g - m)`, `v = b2 v + w2 g^2`.
fn moments_of(moments: &mut [Tensor], g: &Tensor, w1: f32, b2: f32, w2: f32) -> Result<()> {
    let _ = moments[0].f_lerp_(g, f64::from(w1))?;
    let _ = moments[1].f_mul_scalar_(f64::from(b2))?.f_addcmul_(&scaled(g, w2)?, g)?;
    Ok(())
}
