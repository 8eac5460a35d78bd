//! One self-contained HTML file.

use anyhow::{Context, Result};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, context};

use super::{chart, format, page::Page, palette};

/// The page. Every text is escaped but the drawings, which escape their own.
///
/// # Errors
/// A template that names what is not there: a mistake of this program.
pub fn write(page: &Page) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.context("the syntax of the templates")?);
    environment.add_filter("count", |value: u64| format::count(value));
    for (name, text) in [
        ("page.html", include_str!("../../templates/page.html")),
        ("paper.html", include_str!("../../templates/paper.html")),
        ("grid.html", include_str!("../../templates/grid.html")),
        ("errors.html", include_str!("../../templates/errors.html")),
        ("data.html", include_str!("../../templates/data.html")),
    ] {
        environment.add_template(name, text).with_context(|| format!("the template {name}"))?;
    }
    let template = environment.get_template("page.html").context("the template page.html")?;
    let html = template.render(context! {
        page => Serde(page),
        style => format!("{}{}{}", palette::css(), include_str!("../../templates/page.css"), chart::CSS),
        script => include_str!("../../templates/page.js"),
    });
    html.context("filling the report's templates")
}
