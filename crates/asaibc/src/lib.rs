//! Adversarial transfer from Chinese word segmentation to named-entity recognition (ASAIBC).

pub mod cells;
pub mod character_vectors;
pub mod config;
pub mod folder;
pub mod linear_crf;
pub mod method;
pub mod networks;
pub mod prepare;
pub mod scoring;
pub mod segmentation;
pub mod statistics;
pub mod target;
pub mod training;
pub mod transfer;

pub use method::Asaibc;
