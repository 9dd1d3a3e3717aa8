//! The tables of `abi::layout` and the identifiers, compared with `mapisync.h` by clang for every
//! target: static assertions of the layouts, clang's dumps of the vtables, and object files.

use mapisync::abi::layout::{Field, Layout, PointerWidth};
use mapisync::abi::{C_HEADER, GUID};
use mapisync::abi::{IID_IMAPISession, IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown};
use mapisync_interop_cpp::{
    CLANG, HEADER, Language, assertions, classes, constant, in_header, succeed, table,
};
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

/// The identifiers and their bytes in the memory of a little-endian machine, written out
/// independently of the crate's constants.
const GUIDS: [(&str, GUID, &[u8; 16]); 4] = [
    ("IID_IUnknown", IID_IUnknown, b"\0\0\0\0\0\0\0\0\xC0\0\0\0\0\0\0\x46"),
    ("IID_IMAPISession", IID_IMAPISession, b"\0\x03\x02\0\0\0\0\0\xC0\0\0\0\0\0\0\x46"),
    (
        "IID_IMAPISync",
        IID_IMAPISync,
        b"\x85\xA3\x24\x50\x44\x2D\x6A\x48\x81\xA8\x8F\x0E\xCB\x60\x71\xDD",
    ),
    (
        "IID_IMAPISyncProgressCallback",
        IID_IMAPISyncProgressCallback,
        b"\x86\xA3\x24\x50\x44\x2D\x6A\x48\x81\xA8\x8F\x0E\xCB\x60\x71\xDD",
    ),
];

/// Compiles a source for a target, and returns clang's dump of the vtables and the object file.
fn compile(
    target: &str,
    with_windows: bool,
    language: Language,
    source: &str,
) -> (String, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let [file, object] = ["probe", "probe.o"].map(|name| folder.path().join(name));
    fs::write(&file, source).unwrap();
    let mut command = CLANG.command(language);
    command.arg(format!("--target={target}")).args(["-Wno-stdlibcxx-not-found", "-Wno-unused"]);
    if !with_windows {
        command.args(["-ffreestanding", "-DMAPISYNC_STANDALONE"]);
    }
    command.args(["-Xclang", "-fdump-vtable-layouts", "-c", "-x"]);
    command.arg(if language == Language::C { "c" } else { "c++" });
    let dump = succeed(command.arg(&file).arg("-o").arg(&object));
    (dump, fs::read(object).unwrap())
}

/// Returns the methods of a class in vtable order. The vtable begins where an object's vtable
/// pointer points. The entries that the Itanium ABI and Microsoft's ABI put before that are left
/// out.
fn methods<'d>(dump: &'d str, class: &str) -> Vec<&'d str> {
    let is_of_class = |line: &&str| {
        let heading = line.starts_with("Vtable for '") || line.starts_with("VFTable for '");
        heading && line.contains(&format!("'{class}' ("))
    };
    let mut lines = dump.lines().skip_while(|line| !is_of_class(line));
    let heading = lines.next().unwrap_or_else(|| panic!("no vtable of {class} in:\n{dump}"));
    let lines: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let entries = lines.iter().filter(|line| line.contains(" | ")).count();
    assert!(heading.contains(&format!("({entries} entries)")), "{heading} but {lines:?}");
    let is_before = |line: &&str| line.contains(" vtable address --") || line.contains("RTTI");
    let begin = lines.iter().rposition(is_before).unwrap();
    let name = |line: &&'d str| {
        let (signature, _) = line.split_once(" | ").unwrap().1.split_once('(').unwrap();
        signature.rsplit("::").next().unwrap()
    };
    lines[begin + 1..].iter().map(name).collect()
}

#[test]
fn clang_gives_the_header_the_published_layouts_on_every_target() {
    for (target, width, with_windows) in TARGETS {
        let (mut c, mut cpp) = (String::from("#include \"mapisync.h\"\n"), classes());
        for table in in_header(width) {
            let sum: usize = table.fields.iter().map(|field| field.size).sum();
            assert_eq!(sum, table.size, "{} has no room for an unknown field", table.name);
            c += &assertions(table);
            // In C++, an interface is an abstract class, and has no struct for its vtable.
            if table.name.starts_with('I') {
                let table = Layout { fields: &[], ..*table };
                cpp +=
                    &if table.name.ends_with("Vtbl") { String::new() } else { assertions(&table) };
            } else {
                cpp += &assertions(table);
            }
        }
        if with_windows {
            c += "#include <mapix.h>\n";
        }
        let names = GUIDS.map(|(name, ..)| format!("&{name}")).join(", ");
        c += &format!("const GUID *const GUIDS[] = {{{names}}};\n");

        let (_, object) = compile(target, with_windows, Language::C, &c);
        let object = object::File::parse(&*object).unwrap();
        // With Windows' headers, Windows' own identifiers are in a library.
        for (name, guid, mut bytes) in GUIDS.map(|(name, guid, bytes)| (name, guid, *bytes)) {
            assert_eq!(guid.to_bytes_le(), bytes, "{name}");
            if target.starts_with("s390x") {
                // Big-endian: the first three fields are in the other order.
                bytes[..4].reverse();
                bytes[4..6].reverse();
                bytes[6..8].reverse();
            }
            if !with_windows || name.starts_with("IID_IMAPISync") {
                assert_eq!(constant(&object, name), bytes, "{name} for {target}");
            }
        }

        let (dump, _) = compile(target, with_windows, Language::Cpp, &cpp);
        for published in in_header(width) {
            let Some(interface) = published.name.strip_suffix("Vtbl") else {
                continue;
            };
            let found = methods(&dump, &format!("My{interface}"));
            let published = published.fields.iter().map(|Field { name, .. }| *name);
            assert_eq!(found, published.collect::<Vec<_>>(), "{interface} for {target}");
        }
    }
}

/// A new interface must be in the published tables, and what is there must be in the header. The
/// other tests read the published tables.
#[test]
fn every_vtable_in_the_crate_is_published_and_in_the_header() {
    let mut files = test_support::walk(Path::new(HEADER));
    files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let sources: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let structs = sources.lines().filter_map(|line| line.trim().strip_prefix("pub struct "));
    let names = structs.map(|rest| rest.split(['<', '{', '(', ';', ' ']).next().unwrap());
    let vtables: Vec<_> = names.filter(|name| name.ends_with("Vtbl")).collect();
    assert_eq!(vtables.len(), GUIDS.len());
    for vtable in vtables {
        let interface = vtable.strip_suffix("Vtbl").unwrap();
        assert!(GUIDS.iter().any(|guid| guid.0 == format!("IID_{interface}")), "{interface}");
        for width in [PointerWidth::Bits32, PointerWidth::Bits64] {
            table(width, interface);
            table(width, vtable);
        }
    }
    let vtables = in_header(PointerWidth::HERE).filter(|table| table.name.ends_with("Vtbl"));
    for vtable in vtables {
        let interface = vtable.name.strip_suffix("Vtbl").unwrap();
        let name = format!("IID_{interface}");
        let guid = GUIDS.iter().find(|guid| guid.0 == name).unwrap().1;
        let mut wanted = vec![format!("MAPISYNC_INTERFACE_(\"{guid}\") {interface} ")];
        let call = |method: &Field<'_>| format!("#define {interface}_{}(This", method.name);
        wanted.extend(vtable.fields.iter().map(call));
        for code in wanted {
            assert!(C_HEADER.contains(&code), "mapisync.h lacks {code}");
        }
    }
}
