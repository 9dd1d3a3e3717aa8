//! The tables of `abi::layout` and the identifiers, compared with clang's layout dumps and object
//! files of `mapisync.h` for every target.

use mapisync::abi::layout::{Field, Layout, PointerWidth, published};
use mapisync_interop_cpp::{CLANG, CLASSES, DECLARED_BY_MAPIX, GUIDS, Language, classes, table};
use object::{Object, ObjectSection, ObjectSymbol};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// The targets, and whether the header is compiled together with Windows' headers, which are
/// mingw's.
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

/// A layout that was read from the compiler's output.
#[derive(Debug, Default)]
struct Found {
    name: String,
    size: usize,
    align: usize,
    /// Names and offsets.
    fields: Vec<(String, usize)>,
}

impl Found {
    /// Returns every difference from the published layout. `size_of` returns the size of a field.
    fn compare(&self, published: &Layout<'_>, size_of: impl Fn(&str) -> usize) -> Vec<String> {
        let width = self.align;
        let fields: Vec<_> = self
            .fields
            .iter()
            .map(|(name, offset)| Field {
                name,
                offset: *offset,
                size: size_of(name),
                slot: published.fields[0].slot.map(|_| offset / width),
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
fn dump(
    target: &str,
    with_windows: bool,
    language: Language,
    source: &Path,
    object: &Path,
) -> String {
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
    if !with_windows {
        command.args(["-ffreestanding", "-DMAPISYNC_STANDALONE"]);
    }
    CLANG.ask(&mut command)
}

/// Returns the layouts in a dump of records. A dump has a line for each field, indented by its
/// depth, then the size and alignment.
fn records(dump: &str) -> Vec<Found> {
    let blocks = dump.split("*** Dumping AST Record Layout\n").skip(1);
    let mut all = Vec::new();
    for block in blocks {
        let mut found = Found::default();
        for line in block.lines().take_while(|line| line.contains('|')) {
            let (offset, field) = line.split_once('|').unwrap();
            if let Some(whole) = field.trim_start().strip_prefix('[') {
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
            } else if let Some(field) = field.strip_prefix("   ") {
                if !field.starts_with(' ') && !field.starts_with('(') {
                    let name = field.rsplit(' ').next().unwrap().to_owned();
                    // The offset of a bit field also has bits. Our structs have no bit fields.
                    if let Ok(offset) = offset.trim().parse() {
                        found.fields.push((name, offset));
                    }
                }
            } else if found.name.is_empty() {
                found.name = field.trim().rsplit(' ').next().unwrap().to_owned();
            }
        }
        // Windows' headers give it this tag.
        if found.name == "_GUID" {
            found.name = "GUID".into();
        }
        all.push(found);
    }
    all
}

/// Returns the layout of that name.
fn find<'a>(records: &'a [Found], name: &str, target: &str) -> &'a Found {
    let found = records.iter().find(|found| found.name == name);
    found.unwrap_or_else(|| panic!("{target}: no {name}"))
}

/// Returns the methods of a class in vtable order. The vtable begins where an object's vtable
/// pointer points. The entries that the Itanium ABI and Microsoft's ABI put before that are left
/// out.
fn methods(dump: &str, class: &str) -> Vec<String> {
    let is_of_class = |line: &str| {
        let heading = line.starts_with("Vtable for '") || line.starts_with("VFTable for '");
        heading && line.contains(&format!("'{class}' ("))
    };
    let mut lines = dump.lines().skip_while(|line| !is_of_class(line));
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

/// Returns the bytes of a constant in an object file.
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

/// Returns a source in C with the size of every field and a reference to every identifier.
fn probe(tables: &[Layout<'_>]) -> String {
    let mut source = String::from(
        "#include \"mapisync.h\"\n#ifndef MAPISYNC_STANDALONE\n#include <mapix.h>\n#endif\n",
    );
    for table in tables.iter().filter(|table| !is_elsewhere(table.name)) {
        writeln!(
            source,
            "const unsigned whole_{0} = sizeof({0});",
            table.name
        )
        .unwrap(); // makes clang dump the layout
        for field in table.fields {
            let (table, field) = (table.name, field.name);
            writeln!(
                source,
                "const unsigned char size_{table}_{field} = sizeof(((const {table} *)0)->{field});"
            )
            .unwrap();
        }
    }
    let names: Vec<_> = GUIDS.iter().map(|guid| format!("&{}", guid.name)).collect();
    writeln!(
        source,
        "const GUID *const GUIDS[] = {{{}}};",
        names.join(", ")
    )
    .unwrap();
    source
}

#[test]
fn clang_gives_the_header_the_published_layouts_on_every_target() {
    let folder = tempfile::tempdir().unwrap();
    let [c, cpp, object] = ["probe.c", "probe.cpp", "probe.o"].map(|name| folder.path().join(name));
    let more = "const MAPISIB REQUEST = {};\n";
    fs::write(&cpp, classes() + more).unwrap();
    let mut differences = Vec::new();
    for (target, width, with_windows) in TARGETS {
        let tables = published(width);
        fs::write(&c, probe(tables)).unwrap();
        let in_c = records(&dump(target, with_windows, Language::C, &c, &object));
        let bytes = fs::read(&object).unwrap();
        let file = object::File::parse(&*bytes).unwrap();
        let dump_cpp = dump(
            target,
            with_windows,
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
            if table.fields[0].slot.is_some() {
                continue; // C++ has no such struct; the vtables follow below
            }
            let found = find(&in_cpp, name, target);
            if name.starts_with('I') {
                // An abstract class, which contains only the vtable pointer.
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

        // With Windows' headers, Windows' own identifiers are in a library.
        for guid in GUIDS
            .iter()
            .filter(|guid| !with_windows || guid.name.starts_with("IID_IMAPISync"))
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
