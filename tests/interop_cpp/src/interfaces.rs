//! The interfaces of `mapisync::abi`, and the classes in C++ by which compilers are asked about
//! them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The interfaces that `<mapix.h>` declares. `mapisync.h` has only their names and their
/// identifiers.
pub const DECLARED_BY_MAPIX: [&str; 1] = ["IMAPISession"];

/// A class in C++ that implements an interface of `mapisync.h`. It is called `My` and the name of
/// the interface.
#[derive(Clone, Copy, Debug)]
pub struct CppClass {
    /// The interface.
    pub interface: &'static str,
    /// The methods, without those of `IUnknown`.
    methods: &'static str,
}

/// A class for every interface of `mapisync.h`. `tests/oracle.rs` compares clang's vtable for each
/// with the published one, and `tests/stack.rs` reads what its methods remove from the stack.
pub const CLASSES: [CppClass; 3] = [
    CppClass {
        interface: "IUnknown",
        methods: "",
    },
    CppClass {
        interface: "IMAPISync",
        methods: "
    HRESULT STDMETHODCALLTYPE SynchronizeInBackground(MAPISIB *request) override { return (HRESULT)request->ulFlags; }",
    },
    CppClass {
        interface: "IMAPISyncProgressCallback",
        methods: "
    HRESULT STDMETHODCALLTYPE Progress(const MAPISYNC_CHAR *, ULONG index, ULONG max) override { return (HRESULT)(index + max); }
    HRESULT STDMETHODCALLTYPE Error(HRESULT code, const MAPISYNC_CHAR *) override { return code; }
    HRESULT STDMETHODCALLTYPE Done(HANDLE, HRESULT status) override { return status; }",
    },
];

/// Returns a source in C++ with all of [`CLASSES`], and an object of each, so that the compiler
/// emits its vtable.
pub fn classes() -> String {
    let class = |class: CppClass| {
        let (interface, methods) = (class.interface, class.methods);
        format!(
            "struct My{interface} final : {interface} {{
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID, void **) override {{ return E_NOINTERFACE; }}
    ULONG STDMETHODCALLTYPE AddRef() override {{ return 2; }}
    ULONG STDMETHODCALLTYPE Release() override {{ return 1; }}{methods}
}} the_{interface};\n"
        )
    };
    format!("#include \"mapisync.h\"\n{}", CLASSES.map(class).concat())
}

/// Returns the name of every interface that the sources of `mapisync::abi` declare.
///
/// An interface is a public struct with a public field of the type `*const …Vtbl`, where the name
/// of the vtable begins with that of the struct. Every public struct whose name ends in `Vtbl` must
/// belong to one.
///
/// # Panics
///
/// If a vtable belongs to no interface, or a struct has the vtable of another.
pub fn declared() -> BTreeSet<String> {
    let (mut interfaces, mut vtables) = (BTreeSet::new(), BTreeSet::new());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/abi");
    collect(&folder, &mut interfaces, &mut vtables);
    assert_eq!(interfaces, vtables, "each interface has its own vtable");
    assert!(interfaces.contains("IUnknown"), "{interfaces:?}");
    interfaces
}

fn collect(folder: &Path, interfaces: &mut BTreeSet<String>, vtables: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, interfaces, vtables);
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        // Neither a comment nor a macro's argument begins with `pub`.
        let public = source
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pub "));
        let mut inside = "";
        for line in public {
            if let Some(rest) = line.strip_prefix("struct ") {
                inside = name(rest);
                vtables.extend(inside.strip_suffix("Vtbl").map(String::from));
                continue;
            }
            let pointee = line.split_once(": *const ").map(|(_, rest)| name(rest));
            if let Some(of) = pointee.and_then(|pointee| pointee.strip_suffix("Vtbl")) {
                assert_eq!(inside, of, "{}: {line}", path.display());
                interfaces.insert(of.to_owned());
            }
        }
    }
}

/// The identifier at the beginning of `code`.
fn name(code: &str) -> &str {
    let end = code.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    &code[..end.unwrap_or(code.len())]
}
