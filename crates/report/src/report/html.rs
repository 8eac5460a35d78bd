//! Self-contained HTML files.

use anyhow::{Context, Result};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};

use super::{chart, format, page::Page, palette};

const TEMPLATES: [(&str, &str); 7] = [
    ("base.html", include_str!("../../templates/base.html")),
    ("page.html", include_str!("../../templates/page.html")),
    ("paper.html", include_str!("../../templates/paper.html")),
    ("grid.html", include_str!("../../templates/grid.html")),
    ("errors.html", include_str!("../../templates/errors.html")),
    ("data.html", include_str!("../../templates/data.html")),
    ("wrong.html", include_str!("../../templates/wrong.html")),
];

/// The page of a report.
///
/// # Errors
/// A template that names what is not there: a mistake of this program.
pub fn write(page: &Page) -> Result<String> {
    render("page.html", context! { page => Serde(page) })
}

/// A page from a template. Every text is escaped but the drawings, which escape their own.
///
/// # Errors
/// A template that names what is not there: a mistake of this program.
pub fn render(name: &str, values: Value) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.context("the syntax of the templates")?);
    environment.add_filter("count", |value: u64| format::count(value));
    for (name, text) in TEMPLATES {
        environment.add_template(name, text).with_context(|| format!("the template {name}"))?;
    }
    let template = environment.get_template(name).with_context(|| format!("the template {name}"))?;
    let html = template.render(context! {
        style => format!("{}{}{}", palette::css(), include_str!("../../templates/page.css"), chart::CSS),
        script => include_str!("../../templates/page.js"),
        ..values
    });
    html.context("filling a template")
}
