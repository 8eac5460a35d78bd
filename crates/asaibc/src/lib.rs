//! ASAIBC: named-entity recognition of adverse drug reactions by adversarial transfer from Chinese word segmentation, with
//! self-attention, IndRNN, BiLSTM and CRF, on MSRA, WeiboNER and XJADRNER.
//!
//! | where | what |
//! | --- | --- |
//! | [`networks`] | the networks, their losses, and what each row of Tables 6 and 7 switches on |
//! | [`transfer`] | instance transfer: which sentences of the word segmentation are learned from, and with what weight |
//! | [`linear_crf`] | the four linear CRFs of Table 6 |
//! | [`config`] | every key and its default: the paper's value, or what is said below |
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
//! | characters that neither training nor the vectors know are not spoken of | one row for all of them: where vectors are given, as in the tables, it is drawn at random and never trained; without any, characters that stand once are read as unknown half of the time, which trains it | `vectors.file` |
//! | source of the word segmentation not given | PD1998, cut after full stops | `source.data` |
//! | similarity of "samples", alpha, beta, delta not given | see [`transfer`]; 0.5, 0.5, 0.8. Paragraphs of PD1998 are weighed, less the last 2%, which are held out; those that are kept are then cut, and every piece has its paragraph's weight | `instance_transfer`, `source.development` |
//! | the weights of the source samples | weigh the loss of the word segmentation alone: difference, same and reconstruction count every kept sentence fully | `instance_transfer` |
//! | a basic network is trained on the word segmentation first, "then" on the target; "jointly trained" | jointly: batches in turn, one of each | `source.batches` |
//! | weights of the four losses not given | those of Bousmalis et al. 2016: 0.075, 0.25, 0.01 | `model.separation` |
//! | "adversarial network" | gradient reversal that grows over 10 epochs, maximum over the characters, one hidden layer | `model.separation.reversal`, `.discriminator` |
//! | self-attention gives a weight to each feature `f_i` of B; both formulas are missing | a softmax of one score a token; the hyperbolic tangent around the score and the factor `n`, the tokens of the sentence, are ours; scaled dot products by choice | `model.attention` |
//! | B: "the common part and XJADRNER word vector fusion" | the shared features beside the private ones of the target, both trained by the separation losses; the word vectors themselves do not go on | `model.transfer` |
//! | F and H: the features of self-attention and IndRNN are "input into BiLSTM" (layers), and "merged with ... the other feature vectors trained by BiLSTM" (experiments) | merged: `[F ; H]`, as in the equations' text | |
//! | what `+Transfer` adds to BiLSTM+CRF: the adversarial transfer | that, and with it width and depth: the joint BiLSTM reads 400 features of two more BiLSTMs in place of 120 inputs (see [`networks`]) | `model.transfer` |
//! | IndRNN "stacked", with batch normalisation | 2 layers, both directions, 100 each | `model.indrnn` |
//! | fully connected layer and softmax after the CRF | before it, with the sigmoid; the CRF's own normalisation | `model.fully_connected` |
//! | parameters of Table 5 | Adam 1e-3, batch 20, hidden 100 per direction, gradient norm 5 | `training`, `model` |
//! | how batches are made up, and when the parameters move | sentences of like length together; after every batch, so that the discriminator sees one task at a time | `training.batches`, `training.updates` |
//! | the difference loss | of features that are centred and of length 1, over the tokens of the batch | |
//! | the first values of the position vectors | uniform within 0.1 | |
//! | regularisation and learning rate not given | the tables: a quarter of the inputs and of the features dropped, the rate falling to 0 over all epochs as a line, all epochs run. The defaults, which `asaibc train` uses: half of the features, a constant rate, an end after 10 epochs without a better development score | `model.dropout`, `model.dropped`, `training.schedule`, `training.patience` |
//! | epochs not given | 40; 12 on MSRA in profile `cpu`, where a pass takes minutes | `training.epochs` |
//! | MSRA's development set not given | the last 10% of the training sentences choose the epoch | `development` |
//! | WeiboNER: version and entity set not given | all six readings; the revised version's named entities stand beside the paper | `entity_set` |
//! | sentences over 250 characters are not spoken of | cut at punctuation; counted | `split.max_length` |
//! | full-width digits, letters and points are not spoken of | the tables' taggers and character vectors read them as ASCII, linear CRFs and instance transfer as they are written | `half_width` |
//!
//! `asaibc train` with the tables' settings: `--set half_width=true --set model.dropout=0.25 --set 'model.dropped=[input, features]'
//! --set training.schedule=linear --set training.patience=0`, and by `vectors.file` the `vectors.bin` of a `character vectors` cell. The
//! defaults stay what they were, since a cell's hash is that of what differs from them.

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
