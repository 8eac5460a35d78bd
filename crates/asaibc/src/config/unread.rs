//! The keys that `train` on files of one's own does not read, because they are for the cells of tables. They are refused where
//! they are not at their defaults, so that nobody waits for what they were to do. (What the network's own switches turn off,
//! such as `source` without `model.transfer`, is no mistake of this kind.)

use medner_experiment::{ConfigError, Value, config};

use super::Config;

/// Keys, and what to do instead.
const UNREAD: [(&str, &str); 6] = [
    ("data", "`train` reads the sentences of `--train`; leave it out"),
    ("source.tests", "the test sets of the word segmentation are for the cells of tables; leave it out"),
    ("vectors.texts", VECTORS),
    ("vectors.cbow", VECTORS),
    ("crf", "`train` trains a neural tagger, no linear CRF; leave it out"),
    ("statistics", "`train` counts nothing; leave it out"),
];

const VECTORS: &str = "`train` trains no character vectors; name a file of them by `vectors.file` (word2vec's formats or GloVe's), such \
                       as the `vectors.bin` of a `character vectors` cell of `reproduce`, with `half_width=true`";

/// Of vectors that are not given.
const SCALE: [(&str, &str); 1] =
    [("vectors.scale", "it scales the vectors of `vectors.file`; name that file, or leave the scale out")];

/// The first key of `given` that training on files would pass over.
///
/// # Errors
/// That key, and what to do instead.
pub fn check_train(given: &Value) -> Result<(), ConfigError> {
    let changed = config::changed::<Config>(given)?;
    config::refuse(&changed, UNREAD)?;
    let without_file = config::at_key(&changed, "vectors.file").is_none();
    config::refuse(&changed, SCALE.into_iter().filter(|_| without_file))
}
