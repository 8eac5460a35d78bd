//! ASAIBC: named-entity recognition of adverse drug reactions by adversarial transfer from Chinese word segmentation, with
//! self-attention, IndRNN, BiLSTM and CRF, on MSRA, WeiboNER and XJADRNER.
//!
//! | where | what |
//! | --- | --- |
//! | [`networks`] | the networks, their losses, and what each row of Tables 6 and 7 switches on |
//! | [`transfer`] | instance transfer: which sentences of the word segmentation are learned from, and with what weight |
//! | [`linear_crf`] | the four linear CRFs of Table 6 |
//! | [`config`] | every key, with the paper's value as the default |
//! | [`target`], [`segmentation`] | the sentences of the two tasks |
//! | [`prepare`], [`training`] | what a tagger is trained with; batches of the two tasks in turn, the development score |
//! | [`scoring`], [`statistics`] | strict entity scores, tag accuracy, words, the discriminator; counts of the corpora |
//! | [`cells`], [`character_vectors`] | what a cell of a table does |
//! | [`folder`] | trained taggers on a user's own files |
//! | [`method`] | how all this is offered to the command line and the driver |
//!
//! # Differences from the paper
//!
//! Its formulas and Tables 3 to 7 are missing from the text at hand; the prose decides, and what it leaves open is a key.
//!
//! | the paper | here | key |
//! | --- | --- | --- |
//! | "BIO tag embedding" at the input | none: gold tags at the input would give the answer away | |
//! | "position embedding", no width | learned, 20 numbers beside the characters' 100 | `model.position` |
//! | text of the character vectors not given | training splits of MSRA, WeiboNER and the stand-in, and PD1998 | `vectors.texts` |
//! | source of the word segmentation not given | PD1998, cut after full stops | `source.data` |
//! | similarity of "samples", alpha, beta, delta not given | see [`transfer`]; 0.5, 0.5, 0.8 | `instance_transfer` |
//! | a basic network is trained on the word segmentation first, "then" on the target; "jointly trained" | jointly: batches in turn, one of each | `source.batches` |
//! | weights of the four losses not given | those of Bousmalis et al. 2016: 0.075, 0.25, 0.01 | `model.separation` |
//! | "adversarial network" | gradient reversal that grows over 10 epochs, maximum over the characters, one hidden layer | `model.separation.reversal`, `.discriminator` |
//! | self-attention gives a weight to each feature `f_i` of B | the same; scaled dot products by choice | `model.attention` |
//! | IndRNN "stacked", with batch normalisation | 2 layers, both directions, 100 each | `model.indrnn` |
//! | fully connected layer and softmax after the CRF | before it, with the sigmoid; the CRF's own normalisation | `model.fully_connected` |
//! | parameters of Table 5 | Adam 1e-3, batch 20, hidden 100 per direction, dropout 0.5 before the CRFs, gradient norm 5 | `training`, `model` |
//! | MSRA's development set not given | the last 10% of the training sentences choose the epoch | `development` |
//! | WeiboNER: version and entity set not given | all six readings; the revised version's named entities stand beside the paper | `entity_set` |
//! | sentences over 250 characters are not spoken of | cut at punctuation; counted | `split.max_length` |

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
