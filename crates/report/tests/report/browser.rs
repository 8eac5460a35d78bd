//! The page in a real browser: nothing scrolls sideways, nothing is wrong on the console, sorting and filters work.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::results::repository;

/// Chromium, where it is.
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|path| path.is_file())
}

/// Listens from the beginning, uses the page once it is there, and tells the page around it what it saw.
const EARS: &str = r##"<script>
window.wrong = [];
addEventListener("error", (event) => wrong.push(String(event.message)), true);
for (const level of ["error", "warn"]) console[level] = (...words) => wrong.push(words.join(" "));
addEventListener("load", () => {
  const root = document.documentElement;
  const seen = { width: innerWidth, scroll: root.scrollWidth, dark: matchMedia("(prefers-color-scheme: dark)").matches };
  seen.wide = [...document.body.querySelectorAll("*")]
    .filter((e) => !e.closest(".scroll") && !e.closest(".hidden,.skip") && e.getBoundingClientRect().right > innerWidth + 1)
    .map((e) => e.tagName + "." + e.className);
  seen.back = getComputedStyle(document.body).backgroundColor;
  for (const details of document.querySelectorAll("details")) details.open = true;
  seen.opened = root.scrollWidth;
  const table = document.querySelector("#toy-table2 table");
  const column = () => [...table.tBodies[0].rows].map((row) => row.cells[3].dataset.sort ?? "");
  const button = [...table.querySelectorAll("th button")].find((b) => b.textContent.trim() === "f1");
  button.click();
  seen.rising = column();
  button.click();
  seen.falling = column();
  const run = document.querySelector("details.run");
  const kind = run.querySelector("[data-filter=kind]");
  kind.value = "missed";
  kind.dispatchEvent(new Event("change"));
  seen.kinds = [...run.querySelectorAll("details.kind")].filter((e) => !e.hidden).map((e) => e.dataset.kind);
  seen.small = [...document.querySelectorAll("svg.chart")].filter((e) => e.checkVisibility()).map((e) => e.getBoundingClientRect().width);
  seen.unnamed = [...document.querySelectorAll("svg")].filter((e) => !e.querySelector("title") || !e.querySelector("desc")).length;
  seen.wrong = wrong;
  parent.postMessage(JSON.stringify(seen), "*");
});
</script>"##;

/// A browser's window has a least width; a frame has none.
fn frame(width: u32) -> String {
    format!(
        r#"<!DOCTYPE html><body style="margin:0"><iframe src="page.html" style="width:{width}px;height:1000px;border:0"></iframe>
<script>addEventListener("message", (event) => document.body.setAttribute("data-seen", event.data));</script></body>"#
    )
}

/// What the page looks like from inside.
fn look(chromium: &Path, page: &Path, dark: bool) -> Value {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(chromium);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    command.args(["--window-size=1600,1000", "--virtual-time-budget=10000"]);
    if dark {
        command.arg("--blink-settings=preferredColorScheme=0");
    }
    let output = command.arg(format!("file://{}", page.display())).output().unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    let start = dom
        .find("data-seen=\"")
        .unwrap_or_else(|| panic!("nothing seen: {}\n{dom:.2000}", String::from_utf8_lossy(&output.stderr)));
    let seen = dom[start + 11..].split('"').next().unwrap();
    serde_json::from_str(
        &seen.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"),
    )
    .unwrap()
}

#[test]
fn the_page_is_whole_on_small_and_large_screens_in_light_and_dark() {
    let Some(chromium) = chromium() else {
        eprintln!("skipped: no chromium on the path (Debian: apt install chromium)");
        return;
    };
    let repository = repository();
    repository.out(&["report"], 0);
    let html = std::fs::read_to_string(repository.path("results/cpu/report/index.html")).unwrap();
    repository.write("page.html", &html.replacen("<head>", &format!("<head>{EARS}"), 1));
    for (width, dark) in [(375, false), (1440, false), (1440, true)] {
        let page = repository.write("frame.html", &frame(width));
        let seen = look(&chromium, &page, dark);
        assert_eq!(seen["width"], width, "{seen}");
        assert_eq!(seen["dark"], dark, "{seen}");
        assert_eq!(seen["back"], if dark { "rgb(15, 19, 24)" } else { "rgb(255, 255, 255)" });
        assert!(seen["scroll"].as_u64().unwrap() <= u64::from(width), "scrolls sideways: {seen}");
        assert!(
            seen["opened"].as_u64().unwrap() <= u64::from(width),
            "scrolls sideways when all is open: {seen}"
        );
        assert_eq!(seen["wide"], Value::Array(Vec::new()), "{seen}");
        assert_eq!(seen["wrong"], Value::Array(Vec::new()), "{seen}");
        assert_eq!(seen["unnamed"], 0, "{seen}");
        let numbers = |key: &str| -> Vec<f64> {
            seen[key].as_array().unwrap().iter().filter_map(|v| v.as_str().unwrap().parse().ok()).collect()
        };
        assert_eq!(numbers("rising"), [80.004_433, 80.801_435, 83.36, 85.62], "{seen}");
        assert_eq!(numbers("falling"), [85.62, 83.36, 80.801_435, 80.004_433], "{seen}");
        // Rows without a number come last both ways.
        for order in ["rising", "falling"] {
            assert_eq!(seen[order].as_array().unwrap().last().unwrap(), "", "{seen}");
        }
        assert_eq!(seen["kinds"], serde_json::json!(["missed"]), "{seen}");
        for chart in seen["small"].as_array().unwrap() {
            assert!(chart.as_f64().unwrap() >= 300.0, "a chart too small to read: {seen}");
        }
    }
}
