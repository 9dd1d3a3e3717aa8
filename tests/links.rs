//! The links in the documents: every relative link leads to a file, and every anchor to a heading.
//!
//! In the guide, a link without a dot and a slash is one to an item, which `cargo doc` checks. It
//! does not check the anchors of links between chapters, so they are checked here.

#![cfg(not(miri))] // Miri cannot read files

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the guide.
const GUIDE: &str = "docs/guide";

/// Returns every document: those in the root folder, and those below `docs`. A published package
/// lacks the folders to which the first ones link, so it has only the guide.
fn documents() -> Vec<PathBuf> {
    let is_repository = Path::new(".ci").exists();
    let mut files = test_support::walk(Path::new(if is_repository { "docs" } else { GUIDE }));
    if is_repository {
        let root = fs::read_dir(".").unwrap();
        files.extend(root.map(|entry| PathBuf::from(entry.unwrap().file_name())));
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    files
}

/// Returns the lines of a document that are neither in a code block nor in a comment.
fn prose(document: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    document.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        is_code ^= fence;
        !is_code && !fence && !line.starts_with("<!--")
    })
}

/// Returns the anchors of the headings, as GitHub and rustdoc make them.
fn anchors(document: &str) -> BTreeSet<String> {
    let mut uses = HashMap::new();
    let heading = |line: &str| {
        let text = line.trim_start_matches('#').strip_prefix(' ')?;
        let kept = text.to_lowercase();
        let kept = kept
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let n = uses.entry(anchor.clone()).or_insert(0);
        *n += 1;
        Some(if *n == 1 {
            anchor
        } else {
            format!("{anchor}-{}", *n - 1)
        })
    };
    prose(document)
        .filter(|line| line.starts_with('#'))
        .filter_map(heading)
        .collect()
}

/// Returns the line without its code spans.
fn without_code(line: &str) -> String {
    let mut rest = line;
    let mut kept = String::new();
    while let Some(start) = rest.find('`') {
        let ticks = rest[start..].len() - rest[start..].trim_start_matches('`').len();
        let (before, span) = (&rest[..start], &rest[start + ticks..]);
        let Some(end) = span.find(&rest[start..start + ticks]) else {
            break;
        };
        kept += before;
        rest = &span[end + ticks..];
    }
    kept + rest
}

/// Returns the targets of the links in a document.
fn targets(document: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for line in prose(document).map(without_code) {
        let inline = line.split("](").skip(1);
        let inline = inline.map(|rest| rest.split([')', ' ']).next().unwrap());
        let definition = line
            .strip_prefix('[')
            .and_then(|line| line.split_once("]: "));
        targets.extend(
            inline
                .chain(definition.map(|(_, target)| target))
                .map(String::from),
        );
    }
    targets
}

/// Returns whether a link of the guide is one to an item of the crate.
fn is_item(path: &str) -> bool {
    !path.is_empty()
        && path
            .chars()
            .all(|c| c.is_alphanumeric() || "_:!()".contains(c))
}

/// Returns what is wrong with the links of a document.
fn broken(file: &Path, document: &str) -> Vec<String> {
    let folder = file.parent().unwrap();
    let is_broken = |target: &String| {
        if target.contains("://") {
            return false;
        }
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let mut linked = folder.join(path);
        if folder == Path::new(GUIDE) && is_item(path) {
            linked = folder.join(path).with_extension("md");
            if !linked.exists() {
                return false; // `cargo doc` checks it
            }
        }
        let document = if path.is_empty() {
            document.into()
        } else if anchor.is_empty() {
            return !linked.exists();
        } else {
            fs::read_to_string(linked).unwrap_or_default()
        };
        !anchor.is_empty() && !anchors(&document).contains(anchor)
    };
    let broken = targets(document).into_iter().filter(is_broken);
    broken
        .map(|target| format!("{}: {target}", file.display()))
        .collect()
}

#[test]
fn every_link_leads_to_a_file_and_every_anchor_to_a_heading() {
    let documents = documents();
    assert!(documents.len() >= 8, "{documents:?}");
    let mut all_broken = Vec::new();
    for file in documents {
        all_broken.extend(broken(&file, &fs::read_to_string(&file).unwrap()));
    }
    assert!(all_broken.is_empty(), "{all_broken:#?}");
}

#[test]
fn a_broken_link_is_found() {
    let document = "# One heading\n\n## `Code`, and more\n\n## Twice\n\n## Twice\n";
    let cases: [(&str, &[&str]); 9] = [
        ("[a](#one-heading) [b](#code-and-more) [c](#twice-1)", &[]),
        ("[a](#nowhere) [b](#twice-2)", &["#nowhere", "#twice-2"]),
        ("[a](Cargo.toml), [b](missing.md)", &["missing.md"]),
        ("[a](docs/guide/errors.md#codes)", &[]),
        (
            "[a](docs/guide/errors.md#no-codes)",
            &["docs/guide/errors.md#no-codes"],
        ),
        ("[a](https://example.org/missing)", &[]),
        ("`[a](missing.md)` and [`b`](gone.md)", &["gone.md"]),
        ("[a]: missing.md", &["missing.md"]),
        ("```text\n[a](missing.md)\n```", &[]),
    ];
    for (links, expected) in cases {
        let found = broken(Path::new("X.md"), &format!("{document}\n{links}\n"));
        let expected: Vec<_> = expected
            .iter()
            .map(|link| format!("X.md: {link}"))
            .collect();
        assert_eq!(found, expected, "{links}");
    }
    let chapter = Path::new(GUIDE).join("x.md");
    let links = "[a](errors#codes) [b](errors#no-codes) [c](crate::ComPtr) [d](../missing.md)\n";
    let found = broken(&chapter, links);
    let expected =
        ["errors#no-codes", "../missing.md"].map(|link| format!("{}: {link}", chapter.display()));
    assert_eq!(found, expected);
}

/// A page that is not a chapter has no tests of its code.
#[test]
fn every_page_of_the_guide_is_a_chapter_and_in_its_list() {
    let guide = fs::read_to_string("src/guide.rs").unwrap();
    for page in test_support::walk(Path::new(GUIDE)) {
        let name = page.file_stem().unwrap().to_str().unwrap();
        for line in [
            format!("include_str!(\"../{GUIDE}/{name}.md\")"),
            format!("pub mod {name} {{}}"),
            format!("]({name})"),
        ] {
            assert!(
                guide.contains(&line),
                "src/guide.rs does not contain {line}"
            );
        }
    }
}
