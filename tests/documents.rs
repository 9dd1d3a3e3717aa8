//! The documents: every relative link leads to a file, and every anchor to a heading. The guide is
//! complete: each page is a chapter, and the one about errors has every variant and every code.
//!
//! In the guide, a link without a dot and a slash is one to an item, which `cargo doc` checks. It
//! does not check the anchors of links between chapters, so they are checked here.

#![cfg(not(miri))] // Miri cannot read files

use pulldown_cmark::{Event, LinkType, Parser, Tag, TagEnd};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the guide.
const GUIDE: &str = "docs/guide";

/// The folders that have documents, besides the root.
const FOLDERS: [&str; 4] = ["docs", "examples", "benches", ".ci"];

/// Returns every document of the repository.
fn documents() -> Vec<PathBuf> {
    let root = fs::read_dir(".").unwrap().map(|entry| entry.unwrap());
    let in_root = root.map(|entry| PathBuf::from(entry.file_name()));
    let below = FOLDERS.iter().flat_map(|folder| test_support::walk(Path::new(folder)));
    let is_document = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    in_root.chain(below).filter(is_document).collect()
}

/// Returns the anchors of the headings, as GitHub and rustdoc make them.
fn anchors(document: &str) -> BTreeSet<String> {
    let (mut anchors, mut uses) = (BTreeSet::new(), HashMap::new());
    let mut heading = String::new();
    for event in Parser::new(document) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading.clear(),
            Event::Text(words) | Event::Code(words) => heading += &words,
            Event::End(TagEnd::Heading(_)) => {
                let mut anchor = heading.to_lowercase().replace(' ', "-");
                anchor.retain(|c| c.is_alphanumeric() || "-_".contains(c));
                let before = uses.entry(anchor.clone()).or_insert(0);
                if *before > 0 {
                    anchor += &format!("-{before}");
                }
                *before += 1;
                anchors.insert(anchor);
            }
            _ => {}
        }
    }
    anchors
}

/// Returns the targets of the links in a document, and those of link definitions.
fn targets(document: &str) -> BTreeSet<String> {
    let parser = Parser::new(document);
    let definitions = parser.reference_definitions().iter();
    let mut targets: BTreeSet<_> = definitions.map(|(_, link)| link.dest.to_string()).collect();
    targets.extend(parser.filter_map(|event| match event {
        Event::Start(Tag::Link { link_type, dest_url, .. }) if link_type != LinkType::Email => {
            Some(dest_url.to_string())
        }
        _ => None,
    }));
    targets
}

/// Returns whether a link of the guide is one to an item of the crate.
fn is_item(path: &str) -> bool {
    let is_of_items = |c: char| c.is_alphanumeric() || "_:!()".contains(c);
    !path.is_empty() && path.chars().all(is_of_items)
}

/// Returns the links of a document that lead nowhere.
fn broken(file: &Path, document: &str) -> Vec<String> {
    let folder = file.parent().unwrap();
    let is_broken = |target: &String| {
        if target.contains("://") {
            return false;
        }
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let mut linked = folder.join(path);
        if folder == Path::new(GUIDE) && is_item(path) {
            linked.set_extension("md");
            if !linked.exists() {
                return false; // `cargo doc` checks it
            }
        }
        let document = match (path, anchor) {
            ("", _) => document.into(),
            (_, "") => return !linked.exists(),
            _ => fs::read_to_string(linked).unwrap_or_default(),
        };
        !anchor.is_empty() && !anchors(&document).contains(anchor)
    };
    targets(document).into_iter().filter(is_broken).collect()
}

#[test]
fn every_link_leads_to_a_file_and_every_anchor_to_a_heading() {
    let documents = documents();
    assert!(documents.len() >= 20, "{documents:?}");
    for file in documents {
        let broken = broken(&file, &fs::read_to_string(&file).unwrap());
        assert!(broken.is_empty(), "{}: {broken:#?}", file.display());
    }
}

/// Returns the paths in a document's code that begin with a folder of the repository and are not
/// those of a file or folder in it.
fn missing(document: &str) -> BTreeSet<String> {
    const ROOTS: [&str; 7] =
        ["src/", "tests/", "examples/", "benches/", "docs/", ".ci/", ".github/"];
    let parser = Parser::new(document);
    let code = parser.filter_map(|event| match event {
        Event::Code(code) => Some(code.to_string()),
        _ => None,
    });
    let is_path = |code: &String| {
        ROOTS.iter().any(|root| code.starts_with(root)) && !code.contains([' ', '*', '{', '…'])
    };
    code.filter(|code| is_path(code) && !Path::new(code).exists()).collect()
}

/// A guarantee names its test, so a test that is renamed or deleted must not stay there.
#[test]
fn every_path_that_a_page_of_the_repository_names_exists() {
    for file in
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "docs/assurance.md"]
    {
        let missing = missing(&fs::read_to_string(file).unwrap());
        assert!(missing.is_empty(), "{file}: {missing:#?}");
    }
    let found =
        missing("`tests/no_such.rs` `tests/documents.rs` tests/no_such.rs `src/` `src/*.rs`");
    assert_eq!(found, BTreeSet::from(["tests/no_such.rs".into()]));
}

#[test]
fn a_broken_link_is_found() {
    let document = "# One heading\n\n## `Code`, and more\n\n## Twice\n\n## Twice\n";
    let (root, chapter) = (Path::new("X.md"), &Path::new(GUIDE).join("x.md"));
    let cases: [(&Path, &str, &[&str]); 8] = [
        (root, "[a](#one-heading) [b](#code-and-more) [c](#twice-1)", &[]),
        (root, "[a](#nowhere) [b](#twice-2)", &["#nowhere", "#twice-2"]),
        (root, "[a](Cargo.toml), [b](missing.md)", &["missing.md"]),
        (root, "[a](docs/guide/errors.md#codes)", &[]),
        (root, "[a](docs/guide/errors.md#no)", &["docs/guide/errors.md#no"]),
        (root, "[a](https://example.org/missing) `[a](missing.md)`", &[]),
        (root, "[a]: missing.md", &["missing.md"]),
        (
            chapter,
            "[a](errors#codes) [b](errors#no) [c](crate::ComPtr) [d](../missing.md)",
            &["../missing.md", "errors#no"],
        ),
    ];
    for (file, links, expected) in cases {
        let found = broken(file, &format!("{document}\n{links}\n"));
        assert_eq!(found, expected, "{links}");
    }
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
            assert!(guide.contains(&line), "src/guide.rs lacks {line}");
        }
    }
}

/// Returns the chapter about errors.
fn errors() -> String {
    fs::read_to_string(Path::new(GUIDE).join("errors.md")).unwrap()
}

/// Returns the code of a source file, without its tests and comments.
fn code(file: &Path) -> String {
    let source = fs::read_to_string(file).unwrap();
    let lines = source.split("\nmod tests {").next().unwrap().lines();
    let code = lines.filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| [line, "\n"]).collect()
}

/// Returns the words that follow `prefix` in the code.
fn words<'a>(code: &'a str, prefix: &str) -> impl Iterator<Item = &'a str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let word = move |rest: &'a str| rest.split(|c| !is_word(c)).next().unwrap();
    code.split(prefix).skip(1).map(word)
}

#[test]
fn the_chapter_about_errors_has_every_variant() {
    let (source, page) = (code(Path::new("src/error.rs")), errors());
    let (_, body) = source.split_once("pub enum Error {\n").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    // rustfmt indents a variant by four spaces, and everything else by more.
    let is_variant = |name: &&str| name.starts_with(char::is_uppercase);
    let variants: BTreeSet<_> = words(body, "\n    ").filter(is_variant).collect();
    assert!(variants.len() >= 14 && variants.contains("Custom"), "{variants:?}");
    for variant in variants {
        let mut rows =
            ["|", ","].map(|before| format!("{before} [`Error::{variant}`]")).into_iter();
        assert!(rows.any(|row| page.contains(&row)), "{variant}");
    }
}

#[test]
fn the_chapter_about_errors_has_every_code_that_the_crate_returns() {
    let mut codes = BTreeSet::new();
    for file in test_support::walk(Path::new("src")) {
        // The module `abi` defines the codes. Those of `testing` are chosen by a test.
        let is_left_out = ["src/abi", "src/testing"].iter().any(|left| file.starts_with(left));
        if !is_left_out && !file.ends_with("loom_tests.rs") {
            let (code, is_code) = (code(&file), |name: &&str| name.contains("E_"));
            codes.extend(words(&code, "HRESULT::").filter(is_code).map(String::from));
        }
    }
    assert!(codes.len() >= 19 && codes.contains("MAPI_E_BUSY"), "{codes:?}");
    let page = errors();
    for code in codes {
        let row = match &*code {
            "MAPI_E_CANCEL" => format!("`{code}`"), // it is only received, so it has no row
            _ => format!("\n| `{code}` |"),
        };
        assert!(page.contains(&row), "{code}");
    }
}
