//! Chai, Jin, Shi, Zhan, Zhuo and Yang 2022, "Hierarchical shared transfer learning for biomedical named entity recognition".
//!
//! | where | what |
//! | --- | --- |
//! | [`xlnet`] | the encoder, equal to the reference |
//! | [`pretraining`] | permutation language modelling on a user's own text or the corpora's |
//! | [`subtasks`] | the 22 sub-tasks and their four categories |
//! | [`shared_sentences`] | scored sentences of a corpus that another one trains on |
//! | [`tagging`] | XLNet-CRF: words to pieces, the network, its training |
//! | [`encoder`] | what a tagger starts from: the pre-trained encoder, and the sliced layers of its category's model |
//! | [`estimate`] | time and memory of a cell, from measured steps |
//! | [`entity_sets`] | the analysis of Figures 3 and 4 |
//! | [`config`] | every key, with the paper's value as the default |
//! | [`cells`] | what a cell of a table does |
//! | [`folder`], [`user`] | trained taggers on a user's own files |
//! | [`unread`] | keys that such a training would pass over |
//! | [`method`] | how all this is offered to the command line and the driver |
//!
//! # Systems
//!
//! | system | what |
//! | --- | --- |
//! | STL | single-task learning: XLNet-CRF fine-tuned on one sub-task |
//! | MTL-XC | one XLNet-CRF for a category, all parameters shared, its sub-tasks' training sets merged and shuffled |
//! | MTL-LS@r | embeddings and the lowest share `r` of the layers from MTL-XC, the upper layers from the pre-trained encoder, a new CRF, fine-tuned on one sub-task |
//! | MTL-LS | of the four rates the one that is best on the development set |
//!
//! # Differences from the paper
//!
//! | the paper | here | key |
//! | --- | --- | --- |
//! | XLNet-Large | any Hugging Face folder by `--encoder DIR`; the profiles `quick` and `cpu` pre-train a small one on the corpora's own training text, and their rows say so | `encoder`, `pretraining` |
//! | an encoder of "common text data" | the encoder of profile `cpu` has read the text of all training sets but for the sentences that any set scores (BioNLP09's 1,938 of 2,446 test sentences are other sets' training sentences) | `encoder` |
//! | batch size not given | 32 sequences | `training.batch_size` |
//! | the released label maps have the tags B, I, E and S | BIO | `scheme` |
//! | the released code reads `pieces <sep> <sep> <cls>` | `pieces <sep> <cls>`, as XLNet's own tokenizer writes one text | |
//! | JNLPBA is one of the gene and protein data sets | its proteins alone; DNA, RNA, cell lines and cell types are outside | |
//! | the released code multiplies gradients by the layer decay, which Adam nearly cancels | a learning rate for each layer | `training.layer_decay` |
//! | the released commands label by first pieces, the text has the label X | X; `first` and `repeat` can be had | `input.labels` |
//! | the released code packs whole sentences to 509 pieces, and cuts what is longer | one sentence a sequence of up to 128 pieces, longer ones in overlapping windows | `input.packing`, `input.max_pieces` |
//! | the released code lower-cases text for a cased model | text as it stands | |
//! | "the last five checkpoints of each training exercise" | of each of the three rounds; of the only training where there are no rounds, in profile `cpu` the last of 6 | `training.last` |
//! | 30 + 3 x 30 epochs | profile `cpu`: 6, and for small data sets as many whole epochs as give about the 870 steps that BC5CDR has in six | `training.epochs` |
//!
//! # Memory of large encoders
//!
//! `reproduce --dry-run` measures a step of few layers and says what each cell and each table will take. Three keys lower memory:
//! `training.part_size` (sequences that are computed at a time, the gradients of a batch's parts being added up),
//! `training.recompute` (of each layer its input alone is kept) and, on a GPU, `training.precision: bf16`; the profile `paper` sets all
//! three. XLNet-Large with Adam and 32 sequences of 64 pieces in f32, extrapolated from 2 and 4 layers: 13.5 GiB, and 7.0 GiB with
//! `recompute`; values, gradients and moments are 5.4 GiB of both.

pub mod cells;
pub mod config;
pub mod encoder;
pub mod entity_sets;
pub mod estimate;
pub mod folder;
pub mod method;
pub mod pretraining;
pub mod shared_sentences;
pub mod subtasks;
pub mod tagging;
pub mod unread;
pub mod user;
pub mod xlnet;

pub use method::MtlLs;
