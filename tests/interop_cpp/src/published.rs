//! The published layouts, and the classes in C++ by which compilers are asked about them.

use mapisync::abi::layout::{Layout, PointerWidth, published};
use object::{Object, ObjectSection, ObjectSymbol};

/// Returns the published layout of that name.
///
/// # Panics
///
/// If there is none.
pub fn table(width: PointerWidth, name: &str) -> &'static Layout<'static> {
    let mut tables = published(width).iter();
    let found = tables.find(|table| table.name == name);
    found.unwrap_or_else(|| panic!("no layout of {name} is published"))
}

/// The interfaces of `mapisync.h`, and their methods without those of `IUnknown`, as a class in C++
/// implements them.
const CLASSES: [(&str, &str); 3] = [
    ("IUnknown", ""),
    (
        "IMAPISync",
        "
    HRESULT STDMETHODCALLTYPE SynchronizeInBackground(MAPISIB *request) override { return (HRESULT)request->ulFlags; }",
    ),
    (
        "IMAPISyncProgressCallback",
        "
    HRESULT STDMETHODCALLTYPE Progress(const MAPISYNC_CHAR *, ULONG index, ULONG max) override { return (HRESULT)(index + max); }
    HRESULT STDMETHODCALLTYPE Error(HRESULT code, const MAPISYNC_CHAR *) override { return code; }
    HRESULT STDMETHODCALLTYPE Done(HANDLE, HRESULT status) override { return status; }",
    ),
];

/// Returns a source in C++ with a class for every interface of `mapisync.h`, called `My` and the
/// name of the interface, and an object of each, so that the compiler emits its vtable.
///
/// `tests/oracle.rs` compares clang's vtables with the published ones, and `tests/stack.rs` reads
/// what the methods remove from the stack.
pub fn classes() -> String {
    let class = |(interface, methods)| {
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

/// The interfaces that `<mapix.h>` declares. `mapisync.h` has only their names and their
/// identifiers.
const DECLARED_BY_MAPIX: [&str; 1] = ["IMAPISession"];

/// Returns the published layouts of the types that `mapisync.h` defines.
pub fn in_header(width: PointerWidth) -> impl Iterator<Item = &'static Layout<'static>> {
    let interface = |name: &'static str| name.strip_suffix("Vtbl").unwrap_or(name);
    let tables = published(width).iter();
    tables.filter(move |table| !DECLARED_BY_MAPIX.contains(&interface(table.name)))
}

/// Returns static assertions for C or C++ which compile if the type has this layout.
pub fn assertions(table: &Layout<'_>) -> String {
    let name = table.name;
    let mut conditions = vec![
        format!("sizeof({name}) == {}", table.size),
        format!("ALIGN({name}) == {}", table.align),
    ];
    for field in table.fields {
        let (field, offset, size) = (field.name, field.offset, field.size);
        conditions.push(format!("offsetof({name}, {field}) == {offset}"));
        conditions.push(format!("sizeof((({name} *)0)->{field}) == {size}"));
    }
    let assertions = conditions.iter().map(|condition| format!("ASSERT({condition});\n"));
    let macros = "#include <stddef.h>
#ifdef __cplusplus
#define ASSERT(condition) static_assert(condition, #condition)
#define ALIGN(type) alignof(type)
#else
#define ASSERT(condition) _Static_assert(condition, #condition)
#define ALIGN(type) _Alignof(type)
#endif\n";
    macros.to_owned() + &assertions.collect::<String>()
}

/// Returns the first bytes of a constant in an object file.
///
/// # Panics
///
/// If the file does not define the constant.
pub fn constant(file: &object::File<'_>, name: &str) -> [u8; 16] {
    let is_it = |found: &str| found == name || found.strip_prefix('_') == Some(name);
    let mut symbols = file.symbols();
    let symbol = symbols.find(|symbol| symbol.name().is_ok_and(is_it));
    let symbol = symbol.unwrap_or_else(|| panic!("no constant {name}"));
    let section = file.section_by_index(symbol.section_index().unwrap());
    let section = section.unwrap();
    let offset = usize::try_from(symbol.address() - section.address()).unwrap();
    section.data().unwrap()[offset..offset + 16].try_into().unwrap()
}
