//! Named tensors in safetensors files: read strictly, written atomically.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use tch::{Device, Kind, Tensor};

use crate::error::{CoreError, Result};

/// Tensors by name, in a fixed order.
pub type NamedTensors = BTreeMap<String, Tensor>;

fn dtype(kind: Kind) -> Option<Dtype> {
    Some(match kind {
        Kind::Float => Dtype::F32,
        Kind::Double => Dtype::F64,
        Kind::BFloat16 => Dtype::BF16,
        Kind::Half => Dtype::F16,
        Kind::Int64 => Dtype::I64,
        Kind::Int => Dtype::I32,
        Kind::Uint8 => Dtype::U8,
        Kind::Bool => Dtype::BOOL,
        _ => return None,
    })
}

fn kind(dtype: Dtype) -> Option<Kind> {
    Some(match dtype {
        Dtype::F32 => Kind::Float,
        Dtype::F64 => Kind::Double,
        Dtype::BF16 => Kind::BFloat16,
        Dtype::F16 => Kind::Half,
        Dtype::I64 => Kind::Int64,
        Dtype::I32 => Kind::Int,
        Dtype::U8 => Kind::Uint8,
        Dtype::BOOL => Kind::Bool,
        _ => return None,
    })
}

/// The bytes of a safetensors file with these tensors; the same tensors always give the same bytes.
pub fn to_bytes(tensors: &NamedTensors) -> Result<Vec<u8>> {
    to_bytes_with(tensors, &BTreeMap::new())
}

/// As [`to_bytes`], with text in the header.
pub fn to_bytes_with(tensors: &NamedTensors, metadata: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let unreadable =
        |name: &str, message: String| CoreError::Config { key: format!("tensor `{name}`"), message };
    let mut blocks = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let plain = tensor.detach().f_to_device(Device::Cpu)?.f_contiguous()?;
        let dtype = dtype(plain.kind())
            .ok_or_else(|| unreadable(name, format!("{:?} has no safetensors type", plain.kind())))?;
        let mut bytes = vec![0_u8; plain.numel() * plain.kind().elt_size_in_bytes()];
        plain.f_copy_data_u8(&mut bytes, plain.numel())?;
        let shape: Vec<usize> = plain.size().iter().map(|&n| n as usize).collect();
        blocks.push((name, dtype, shape, bytes));
    }
    let mut views = Vec::with_capacity(blocks.len());
    for (name, dtype, shape, bytes) in &blocks {
        let view =
            TensorView::new(*dtype, shape.clone(), bytes).map_err(|e| unreadable(name, e.to_string()))?;
        views.push((name.as_str(), view));
    }
    // One key at most keeps the bytes the same: the header's map has no order of its own.
    let metadata = (!metadata.is_empty()).then(|| metadata.clone().into_iter().collect());
    safetensors::serialize(views, metadata).map_err(|e| unreadable("all", e.to_string()))
}

/// Reads the tensors of a safetensors file's bytes onto the CPU; `path` is named in errors.
pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<NamedTensors> {
    let damaged = |message: String| CoreError::Checkpoint {
        path: path.to_owned(),
        message: format!("not a readable safetensors file ({message})"),
    };
    let file = safetensors::SafeTensors::deserialize(bytes).map_err(|e| damaged(e.to_string()))?;
    let mut tensors = NamedTensors::new();
    for (name, view) in file.tensors() {
        let kind = kind(view.dtype()).ok_or_else(|| damaged(format!("`{name}` is {:?}", view.dtype())))?;
        let shape: Vec<i64> = view.shape().iter().map(|&n| n as i64).collect();
        tensors.insert(name, Tensor::f_from_data_size(view.data(), &shape, kind)?);
    }
    Ok(tensors)
}

/// Reads a safetensors file onto the CPU.
pub fn read(path: &Path) -> Result<NamedTensors> {
    from_bytes(&std::fs::read(path).map_err(CoreError::io(path))?, path)
}

/// Writes a safetensors file: a temporary file beside it, synced, renamed.
pub fn write(path: &Path, tensors: &NamedTensors) -> Result<()> {
    write_atomically(path, &to_bytes(tensors)?)
}

/// [`medner_data::atomic::write_atomically`] for bytes that are at hand.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    medner_data::atomic::write_atomically(path, |out| out.write_all(bytes)).map_err(CoreError::io(path))
}

/// Makes a rename inside `folder` durable.
pub fn sync_folder(folder: &Path) -> Result<()> {
    std::fs::File::open(folder).and_then(|f| f.sync_all()).map_err(CoreError::io(folder))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn round_trip_keeps_bits_types_and_shapes() {
        let mut tensors = NamedTensors::new();
        tensors.insert(
            "b.weight".into(),
            Tensor::from_slice(&[1.5_f32, f32::MIN_POSITIVE, -0.0, f32::NAN]).view([2, 2]),
        );
        tensors.insert("a".into(), Tensor::from_slice(&[1_i64, -7, i64::MAX]));
        tensors.insert("scalar".into(), Tensor::from(0.1_f64));
        tensors.insert("half".into(), Tensor::from_slice(&[0.5_f32, 3.0]).to_kind(Kind::BFloat16));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        write(&path, &tensors).unwrap();
        let back = read(&path).unwrap();
        assert_eq!(to_bytes(&tensors).unwrap(), to_bytes(&back).unwrap());
        assert_eq!(back["b.weight"].size(), [2, 2]);
        assert_eq!(back["half"].kind(), Kind::BFloat16);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn views_are_written_as_what_they_show() {
        let base = Tensor::arange(6, (Kind::Float, Device::Cpu)).view([2, 3]);
        let bytes = to_bytes(&NamedTensors::from([("t".into(), base.transpose(0, 1))])).unwrap();
        let back = from_bytes(&bytes, Path::new("t")).unwrap();
        assert_eq!(Vec::<f32>::try_from(back["t"].reshape([-1])).unwrap(), [0., 3., 1., 4., 2., 5.]);
    }

    #[test]
    fn truncated_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        write(&path, &NamedTensors::from([("t".into(), Tensor::from_slice(&[1.0_f32; 64]))])).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for cut in [0, 7, 20, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let message = read(&path).unwrap_err().to_string();
            assert!(message.contains("x.safetensors"), "{message}");
        }
    }
}
