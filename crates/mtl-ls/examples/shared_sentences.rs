//! How many scored sentences of each sub-task another sub-task of its category trains on, one line each.

use anyhow::Result;
use medner_mtl_ls::shared_sentences::trained_on_elsewhere;
use medner_mtl_ls::subtasks::{self, Category, Limits};

fn main() -> Result<()> {
    for category in Category::ALL {
        let corpora = subtasks::corpora(category.name(), Limits::default())?;
        for (corpus, shared) in corpora.iter().zip(trained_on_elsewhere(&corpora)) {
            #[allow(
                clippy::print_stdout,
                reason = "the result is one line for each sub-task on standard output"
            )]
            {
                println!("{}: {shared}", corpus.task.data);
            }
        }
    }
    Ok(())
}
