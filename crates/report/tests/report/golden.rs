//! What a report says, whole.

use crate::results::repository;
use crate::support::arg;

#[test]
fn the_markdown_is_as_it_was() {
    let repository = repository();
    let out = repository.out(&["report", "--profile", "cpu"], 0);
    assert!(out.contains("results/cpu/report/index.html"), "{out}");
    let markdown = std::fs::read_to_string(repository.path("results/cpu/report/REPORT.md")).unwrap();
    insta::assert_snapshot!(markdown);
}

#[test]
fn the_same_results_give_the_same_bytes() {
    let repository = repository();
    repository.out(&["report", "--profile", "cpu"], 0);
    repository.out(&["report", "--profile", "cpu", "--check"], 0);
    let html = repository.path("results/cpu/report/index.html");
    let before = std::fs::read(&html).unwrap();
    let elsewhere = repository.path("elsewhere");
    repository.out(&["report", "--profile", "cpu", "--out", arg(&elsewhere)], 0);
    assert!(before == std::fs::read(elsewhere.join("index.html")).unwrap());
    repository.write("results/cpu/report/REPORT.md", "old");
    let out = repository.out(&["report", "--check"], 1);
    assert!(out.contains("REPORT.md: not as") && !out.contains("index.html"), "{out}");
}

#[test]
fn the_page_stands_alone_and_nothing_in_it_is_markup_that_was_text() {
    let repository = repository();
    repository.out(&["report"], 0);
    let html = std::fs::read_to_string(repository.path("results/cpu/report/index.html")).unwrap();
    for text in ["<b>MHA</b>", "<script>alert", "<Greetings>", "<public>", "<on>"] {
        assert!(!html.contains(text), "{text}");
    }
    assert!(html.contains("&lt;script&gt;alert(1)"), "an error's text is shown as it is");
    // Nothing is fetched: the only addresses are those of fragments, of the empty icon and of XML.
    for part in html.split(['"', '\'', '(']).filter(|part| part.starts_with("http")) {
        assert!(part.starts_with("http://www.w3.org/"), "{part}");
    }
    // Every table is there to read without a script, with the command behind each cell.
    assert!(html.contains("reproduce table2 --profile cpu --system BiLSTM-CRF"));
    assert_eq!(html.matches("<script>").count(), 1);
    let count = |text: &str| html.matches(text).count();
    for (open, close) in [
        ("<section", "</section>"),
        ("<details", "</details>"),
        ("<table", "</table>"),
        ("<tr", "</tr>"),
        ("<svg", "</svg>"),
    ] {
        assert_eq!(count(open), count(close), "{open}");
    }
    let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "an id stands twice");
    for target in html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.binary_search(&target).is_ok(), "#{target} leads nowhere");
    }
}

#[test]
fn figures_are_files_beside_the_markdown() {
    let repository = repository();
    repository.write("results/cpu/report/figures/toy-99.svg", "an old one");
    repository.out(&["report"], 0);
    let markdown = std::fs::read_to_string(repository.path("results/cpu/report/REPORT.md")).unwrap();
    let figures: Vec<&str> =
        markdown.split("](figures/").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(figures.len() >= 3, "{figures:?}");
    for figure in &figures {
        let svg =
            std::fs::read_to_string(repository.path("results/cpu/report/figures").join(figure)).unwrap();
        assert!(svg.contains("<desc") && svg.contains("prefers-color-scheme:dark"), "{svg}");
    }
    assert!(!repository.path("results/cpu/report/figures/toy-99.svg").exists());
}

#[test]
fn the_tables_can_still_be_printed() {
    let repository = repository();
    let out = repository.out(&["report", "--print"], 0);
    assert!(out.contains("cpu/toy/table2") && out.contains("80.80 ± 0.12"), "{out}");
    assert!(!repository.path("results/cpu/report").exists());
}

#[test]
fn printed_tables_that_nothing_runs_for_are_shown_with_their_numbers_and_claims_with_their_verdicts() {
    let repository = repository();
    repository.write(
        "experiments/toy/published.csv",
        "table,system,dataset,task,metric,value,provenance\n\
         table5,RAdam,Greetings,ner,precision,84.82,table\n\
         table5,RAdam,Greetings,ner,recall,86.46,table\n\
         table5,RAdam,Greetings,ner,f1,87.63,table\n\
         table2,BiLSTM-CRF,Greetings,ner,f1,81.27,table\n\
         table2,IDCNN-CRF,Greetings,ner,f1,81.5,table\n",
    );
    repository.write(
        "experiments/toy/claims.yaml",
        "defaults: {dataset: Greetings, task: ner, metric: f1}\nclaims:\n  - id: idcnn\n    text: IDCNN <is> better.\n    at: Section 4\n    table: table2\n    test: {higher: {side: IDCNN-CRF, than: [BiLSTM-CRF]}}\n",
    );
    repository.write(
        "results/audit.csv",
        "paper,weight,detector,place,text\ntoy,corpus,corpus,\"table1, published.csv:3\",7 printed; 8 here\n\
         toy,remark,corpus,\"table1, published.csv:4\",9 printed: 9 distinct strings\nother,corpus,corpus,p,not ours\n\
         toy,remark,f1,p,found again by the report\n",
    );
    repository.out(&["report"], 0);
    for file in ["index.html", "REPORT.md"] {
        let text = std::fs::read_to_string(repository.path("results/cpu/report").join(file)).unwrap();
        for part in [
            "table5",
            "84.82",
            "IDCNN &lt;is&gt; better.",
            "7 printed; 8 here",
            "9 printed: 9 distinct strings",
            "nothing here runs for it yet",
        ] {
            assert!(text.contains(part), "{part} is not in {file}");
        }
        // 84.82 and 86.46 give 85.63: the audit sees that the printed F1 is another.
        assert!(text.contains("85.63"), "{file}");
        assert!(!text.contains("not ours") && !text.contains("found again"), "{file}");
        assert!(["supported", "undecided", "not testable here"].iter().any(|verdict| text.contains(verdict)));
    }
}
