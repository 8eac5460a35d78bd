//! The folder that a training writes to.

use std::path::Path;

use crate::error::{ExperimentError, Result};

/// The name in a training's folder that its newest checkpoint has.
const LATEST: &str = "latest";

/// What a finished model's folder holds, ours as well as one of Hugging Face.
const MODEL: [&str; 2] = ["model.safetensors", "config.json"];

/// Refuses `out` where it is a file; where the training in `work` (`out` itself, or a folder in it) has begun and is not to be
/// resumed; and where a model lies that no training in `work` has made: a training would write over it, be it the encoder that
/// it starts from.
///
/// # Errors
/// [`ExperimentError::Output`] with the remedy.
pub fn check(out: &Path, work: &Path, resume: bool) -> Result<()> {
    let refuse =
        |message: &str| Err(ExperimentError::Output { path: out.to_owned(), message: message.to_owned() });
    if out.exists() && !out.is_dir() {
        return refuse("is a file; `--out` names the folder for the model");
    }
    let begun = work.join(LATEST).exists();
    if resume && !begun {
        tracing::warn!(
            "{}: no training has begun there, so there is nothing to go on with; it begins now",
            out.display()
        );
    }
    if !resume && begun {
        return refuse(
            "holds a training already; go on with it by `--resume`, or name another folder with `--out`",
        );
    }
    if !begun && MODEL.iter().any(|name| out.join(name).exists()) {
        return refuse(
            "holds a model already, which would be written over; name another folder with `--out`",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_and_a_training_that_has_begun_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("model");
        check(&out, &out, false).unwrap();
        std::fs::create_dir(&out).unwrap();
        std::fs::write(out.join(LATEST), "").unwrap();
        check(&out, &out, true).unwrap();
        check(&out, &out.join("training"), false).unwrap();
        let message = check(&out, &out, false).unwrap_err().to_string();
        assert!(message.contains("--resume") && message.contains("another folder"), "{message}");
        std::fs::remove_file(out.join(LATEST)).unwrap();
        for name in MODEL {
            check(&out, &out, false).unwrap();
            std::fs::write(out.join(name), "weights").unwrap();
            for resume in [false, true] {
                let message = check(&out, &out.join("training"), resume).unwrap_err().to_string();
                assert!(message.contains("holds a model") && message.contains("another folder"), "{message}");
            }
            std::fs::remove_file(out.join(name)).unwrap();
        }
        std::fs::write(out.join(LATEST), "").unwrap();
        let file = out.join(LATEST);
        assert!(check(&file, &file, true).unwrap_err().to_string().contains("is a file"));
    }
}
