//! The tables of `abi::layout` and the identifiers, compared with what clang makes of `mapisync.h` for
//! every target: its layout dumps and its object files.

use mapisync::abi::layout::{Field, Layout, PointerWidth, published};
use mapisync_interop_cpp::{CLANG, CLASSES, DECLARED_BY_MAPIX, GUIDS, Language, classes, table};
use object::{Object, ObjectSection, ObjectSymbol};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// The targets, and whether the header is read there along with Windows' own, as mingw has them.
const TARGETS: [(&str, PointerWidth, bool); 10] = [
    ("x86_64-pc-windows-msvc", PointerWidth::Bits64, false),
    ("i686-pc-windows-msvc", PointerWidth::Bits32, false),
    ("aarch64-pc-windows-msvc", PointerWidth::Bits64, false),
    ("x86_64-w64-windows-gnu", PointerWidth::Bits64, true),
    ("i686-w64-windows-gnu", PointerWidth::Bits32, true),
    ("x86_64-unknown-linux-gnu", PointerWidth::Bits64, false),
    ("i686-unknown-linux-gnu", PointerWidth::Bits32, false),
    ("aarch64-unknown-linux-gnu", PointerWidth::Bits64, false),
    ("aarch64-apple-darwin", PointerWidth::Bits64, false),
    ("s390x-unknown-linux-gnu", PointerWidth::Bits64, false),
];

/// Returns whether the header leaves a type to `<mapix.h>`.
fn is_elsewhere(name: &str) -> bool {
    DECLARED_BY_MAPIX.contains(&name.strip_suffix("Vtbl").unwrap_or(name))
}

/// A table whose names are owned, as read from a compiler.
#[derive(Debug, Default)]
struct Found {
    name: String,
    size: usize,
    align: usize,
    /// Name and offset.
    fields: Vec<(String, usize)>,
}

impl Found {
    /// Every way in which it is not what is published, given the sizes of its fields.
    fn compare(&self, published: &Layout<'_>, size_of: impl Fn(&str) -> usize) -> Vec<String> {
        let width = self.align;
        let fields: Vec<_> = self
            .fields
            .iter()
            .map(|(name, offset)| Field {
                name,
                offset: *offset,
                size: size_of(name),
                slot: published.is_vtable().then(|| offset / width),
            })
            .collect();
        let found = Layout {
            name: &self.name,
            size: self.size,
            align: self.align,
            fields: &fields,
        };
        published
            .differences(&found)
            .map(|difference| difference.to_string())
            .collect()
    }
}

/// Compiles a source for a target into `object`, and returns the dumps.
fn dump(target: &str, beside: bool, language: Language, source: &Path, object: &Path) -> String {
    let mut command = CLANG.command(language);
    command.arg(format!("--target={target}")).args([
        "-Wno-stdlibcxx-not-found",
        "-Wno-unused",
        "-Xclang",
        "-fdump-record-layouts",
        "-Xclang",
        "-fdump-vtable-layouts",
        "-c",
        "-o",
    ]);
    command.arg(object).arg(source);
    if !beside {
        command.args(["-ffreestanding", "-DMAPISYNC_STANDALONE"]);
    }
    CLANG.ask(&mut command)
}

/// The tables in a dump of records: a line for each field, indented by its depth, then the size and alignment.
fn records(dump: &str) -> Vec<Found> {
    let blocks = dump.split("*** Dumping AST Record Layout\n").skip(1);
    let mut all = Vec::new();
    for block in blocks {
        let mut found = Found::default();
        for line in block.lines().take_while(|line| line.contains('|')) {
            let (offset, text) = line.split_once('|').unwrap();
            if let Some(whole) = text.trim_start().strip_prefix('[') {
                for part in whole.split(',').map(str::trim) {
                    match part.split_once('=') {
                        Some(("sizeof", size)) => {
                            found.size = size.trim_end_matches(']').parse().unwrap()
                        }
                        Some(("align", align)) => {
                            found.align = align.trim_end_matches(']').parse().unwrap()
                        }
                        _ => {}
                    }
                }
            } else if let Some(field) = text.strip_prefix("   ") {
                if !field.starts_with(' ') && !field.starts_with('(') {
                    let name = field.rsplit(' ').next().unwrap().to_owned();
                    // A bit field's place, which has bits too, is none of ours.
                    if let Ok(offset) = offset.trim().parse() {
                        found.fields.push((name, offset));
                    }
                }
            } else if found.name.is_empty() {
                found.name = text.trim().rsplit(' ').next().unwrap().to_owned();
            }
        }
        // The tag that Windows' headers give it.
        if found.name == "_GUID" {
            found.name = "GUID".into();
        }
        all.push(found);
    }
    all
}

/// The table of that name in a dump of records.
fn find<'a>(records: &'a [Found], name: &str, target: &str) -> &'a Found {
    let found = records.iter().find(|found| found.name == name);
    found.unwrap_or_else(|| panic!("{target}: no {name}"))
}

/// The methods of a class in the order of its vtable, which begins where objects point: behind what the Itanium ABI and
/// Microsoft's put before it.
fn methods(dump: &str, class: &str) -> Vec<String> {
    let ours = |line: &str| {
        let heading = line.starts_with("Vtable for '") || line.starts_with("VFTable for '");
        heading && line.contains(&format!("'{class}' ("))
    };
    let mut lines = dump.lines().skip_while(|line| !ours(line));
    let heading = lines
        .next()
        .unwrap_or_else(|| panic!("no vtable of {class} in:\n{dump}"));
    let entries: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let begin = entries
        .iter()
        .rposition(|line| line.contains(" vtable address --") || line.contains("RTTI"))
        .unwrap();
    let methods = entries[begin + 1..].iter().map(|line| {
        let (_, signature) = line.split_once(" | ").unwrap();
        let name = signature.split_once('(').unwrap().0;
        name.rsplit("::").next().unwrap().to_owned()
    });
    let methods: Vec<_> = methods.collect();
    let counted = entries.iter().filter(|line| line.contains(" | ")).count();
    assert!(
        heading.contains(&format!("({counted} entries)")),
        "{heading} but {entries:?}"
    );
    methods
}

/// The bytes of a constant in an object file.
fn constant<'a>(file: &object::File<'a>, name: &str, length: usize) -> &'a [u8] {
    let symbol = file
        .symbols()
        .find(|symbol| {
            symbol
                .name()
                .is_ok_and(|found| found == name || found.strip_prefix('_') == Some(name))
        })
        .unwrap_or_else(|| panic!("no constant {name}"));
    let section = file
        .section_by_index(symbol.section_index().unwrap())
        .unwrap();
    let offset = usize::try_from(symbol.address() - section.address()).unwrap();
    &section.data().unwrap()[offset..offset + length]
}

/// The probe in C: the size of every field, and a reference to every identifier.
fn probe(tables: &[Layout<'_>]) -> String {
    let mut text = String::from(
        "#include \"mapisync.h\"\n#ifndef MAPISYNC_STANDALONE\n#include <mapix.h>\n#endif\n",
    );
    for table in tables.iter().filter(|table| !is_elsewhere(table.name)) {
        writeln!(text, "const unsigned whole_{0} = sizeof({0});", table.name).unwrap(); // without it there is no dump
        for field in table.fields {
            let (table, field) = (table.name, field.name);
            writeln!(
                text,
                "const unsigned char size_{table}_{field} = sizeof(((const {table} *)0)->{field});"
            )
            .unwrap();
        }
    }
    let names: Vec<_> = GUIDS.iter().map(|guid| format!("&{}", guid.name)).collect();
    writeln!(
        text,
        "const GUID *const GUIDS[] = {{{}}};",
        names.join(", ")
    )
    .unwrap();
    text
}

#[test]
fn clang_lays_the_header_out_as_the_tables_say_on_every_target() {
    let folder = tempfile::tempdir().unwrap();
    let [c, cpp, object] = ["probe.c", "probe.cpp", "probe.o"].map(|name| folder.path().join(name));
    let more = "const MAPISIB REQUEST = {};\n";
    fs::write(&cpp, classes() + more).unwrap();
    let mut differences = Vec::new();
    for (target, width, beside) in TARGETS {
        let tables = published(width);
        fs::write(&c, probe(tables)).unwrap();
        let in_c = records(&dump(target, beside, Language::C, &c, &object));
        let bytes = fs::read(&object).unwrap();
        let file = object::File::parse(&*bytes).unwrap();
        let dump_cpp = dump(
            target,
            beside,
            Language::Cpp,
            &cpp,
            &folder.path().join("cpp.o"),
        );
        let in_cpp = records(&dump_cpp);
        let mut note = |language: &str, found: Vec<String>| {
            differences.extend(
                found
                    .into_iter()
                    .map(|difference| format!("{target}, {language}: {difference}")),
            );
        };

        for table in tables.iter().filter(|table| !is_elsewhere(table.name)) {
            let name = table.name;
            let size_of =
                |field: &str| usize::from(constant(&file, &format!("size_{name}_{field}"), 1)[0]);
            note("C", find(&in_c, name, target).compare(table, size_of));
            if table.is_vtable() {
                continue; // in C++ there is no such struct, but a vtable; see below
            }
            let found = find(&in_cpp, name, target);
            if name.starts_with('I') {
                // An abstract class, whose only content is the pointer to its vtable.
                let whole = Layout {
                    fields: &[],
                    ..*table
                };
                let pointer_only = Found {
                    name: name.into(),
                    size: found.size,
                    align: found.align,
                    fields: vec![],
                };
                note("C++", pointer_only.compare(&whole, size_of));
            } else {
                note("C++", found.compare(table, size_of));
            }
        }

        for class in CLASSES {
            let table = table(width, &format!("{}Vtbl", class.interface));
            let class = format!("My{}", class.interface);
            let methods = methods(&dump_cpp, &class);
            let found = Found {
                name: class,
                size: methods.len() * width.bytes(),
                align: width.bytes(),
                fields: methods
                    .into_iter()
                    .enumerate()
                    .map(|(slot, name)| (name, slot * width.bytes()))
                    .collect(),
            };
            note("C++", found.compare(table, |_| width.bytes()));
        }

        // Windows' own identifiers are in a library there.
        for guid in GUIDS
            .iter()
            .filter(|guid| !beside || guid.name.starts_with("IID_IMAPISync"))
        {
            let expected = if target.starts_with("s390x") {
                guid.big_endian
            } else {
                guid.little_endian
            };
            let found = constant(&file, guid.name, 16);
            if found != expected {
                note(
                    "C",
                    vec![format!(
                        "{} lies in memory as {found:02X?}, not as {expected:02X?}",
                        guid.name
                    )],
                );
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
