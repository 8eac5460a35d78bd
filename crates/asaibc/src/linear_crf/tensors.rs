//! Vectors of numbers in safetensors files.

use std::path::Path;

use medner_data::write_atomically;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::LinearCrfError;

/// Text that goes with the numbers; one key, since the header's map has no order of its own.
pub(super) const TEXT: &str = "state";

/// Bytes of numbers, little-endian.
pub(super) fn bytes_of<const N: usize, T: Copy>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&x| bytes(x)).collect()
}

/// Numbers of bytes, little-endian; nothing where the last number is not whole.
pub(super) fn numbers_of<const N: usize, T>(data: &[u8], number: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
    let chunks = data.chunks_exact(N);
    chunks
        .remainder()
        .is_empty()
        .then(|| chunks.map(|chunk| number(chunk.try_into().expect("chunks have this size"))).collect())
}

/// A named list of numbers.
pub(super) struct Block {
    pub name: String,
    pub dtype: Dtype,
    pub bytes: Vec<u8>,
}

impl Block {
    pub(super) fn f64(name: impl Into<String>, values: &[f64]) -> Self {
        Self { name: name.into(), dtype: Dtype::F64, bytes: bytes_of(values, f64::to_le_bytes) }
    }

    pub(super) fn f32(name: impl Into<String>, values: &[f32]) -> Self {
        Self { name: name.into(), dtype: Dtype::F32, bytes: bytes_of(values, f32::to_le_bytes) }
    }
}

/// Writes a file that is there whole or not at all; the same numbers give the same bytes.
pub(super) fn write(path: &Path, blocks: &[Block], text: Option<String>) -> Result<(), LinearCrfError> {
    let damaged = |message: String| LinearCrfError::Damaged { path: path.to_owned(), message };
    let mut views = Vec::with_capacity(blocks.len());
    for Block { name, dtype, bytes } in blocks {
        let size = if *dtype == Dtype::F64 { 8 } else { 4 };
        let view = TensorView::new(*dtype, vec![bytes.len() / size], bytes)
            .map_err(|e| damaged(format!("cannot be written ({e})")))?;
        views.push((name.as_str(), view));
    }
    let text = text.map(|text| std::iter::once((TEXT.to_owned(), text)).collect());
    let bytes =
        safetensors::serialize(views, text).map_err(|e| damaged(format!("cannot be written ({e})")))?;
    write_atomically(path, |out| out.write_all(&bytes))
        .map_err(|source| LinearCrfError::Io { path: path.to_owned(), source })
}

/// Reads the list of that name.
pub(super) fn read_f64(file: &SafeTensors<'_>, name: &str, path: &Path) -> Result<Vec<f64>, LinearCrfError> {
    read(file, name, Dtype::F64, path, f64::from_le_bytes)
}

/// Reads the list of that name.
pub(super) fn read_f32(file: &SafeTensors<'_>, name: &str, path: &Path) -> Result<Vec<f32>, LinearCrfError> {
    read(file, name, Dtype::F32, path, f32::from_le_bytes)
}

fn read<const N: usize, T>(
    file: &SafeTensors<'_>,
    name: &str,
    dtype: Dtype,
    path: &Path,
    number: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>, LinearCrfError> {
    let damaged = |message: String| LinearCrfError::Damaged { path: path.to_owned(), message };
    let view = file.tensor(name).map_err(|e| damaged(format!("`{name}` cannot be read ({e})")))?;
    if view.dtype() != dtype {
        return Err(damaged(format!("`{name}` is {:?}; expected {dtype:?}", view.dtype())));
    }
    numbers_of(view.data(), number).ok_or_else(|| damaged(format!("`{name}` ends inside a number")))
}
