//! Chai, Jin, Shi, Zhan, Zhuo and Yang 2022, "Hierarchical shared transfer learning for biomedical named entity recognition".
//!
//! | where | what |
//! | --- | --- |
//! | [`xlnet`] | the encoder, equal to the reference |

pub mod xlnet;
