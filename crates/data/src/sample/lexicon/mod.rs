//! Word lists of our own composition; nothing here is copied from a corpus.

pub(super) mod biomedical_en;
pub(super) mod general_zh;
pub(super) mod medical_zh;
