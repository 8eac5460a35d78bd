//! The results in README.md.

use crate::results::{repository, table2};

const README: &str = "# Toys\n\n<!-- results:begin -->\n<!-- results:end -->\n\nThe rest.\n";

#[test]
fn the_readme_is_filled_and_a_stale_one_is_found() {
    let repository = repository();
    repository.write("README.md", README);
    assert!(repository.out(&["report", "--readme", "--check"], 1).contains("medner report --readme"));
    repository.out(&["report", "--readme"], 0);
    repository.out(&["report", "--readme", "--check"], 0);
    let readme = std::fs::read_to_string(repository.path("README.md")).unwrap();
    assert!(readme.starts_with("# Toys\n\n<!-- results:begin -->\n**An invented paper"), "{readme}");
    assert!(readme.ends_with("<!-- results:end -->\n\nThe rest.\n"), "{readme}");
    insta::assert_snapshot!(readme);
    // A new number makes it stale.
    repository.write("results/cpu/toy/table2.csv", &table2().replace("80.801435", "80.901435"));
    repository.out(&["report", "--readme", "--check"], 1);
}

#[test]
fn a_readme_without_markers_says_which() {
    let repository = repository();
    repository.write("README.md", "# Toys\n");
    let error = repository.err(&["report", "--readme"], 1);
    assert!(error.contains("README.md") && error.contains("<!-- results:begin -->"), "{error}");
}
