//! The guide's code in C and C++: a compiler accepts it without a warning, and its stores run.

use libloading::Library;
use mapisync::abi::{IMAPISync, IUnknown, IUnknownVtbl, MAPISIB};
use mapisync::testing::{Call, reference_count};
use mapisync::{
    Class, ComPtr, FreeThreaded, GUID, HRESULT, InnerObject, Interface, MapiSync, Result,
    SyncRequest, provider,
};
use mapisync_interop_cpp::{CLANG, Compiler, GCC, Language, MINGW_32, MINGW_64, run, succeed};
use std::fs;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use test_support::{DropCounter, DropToken, outlook};

/// Returns the programs of a chapter, which are the code blocks with an `#include`.
fn programs(chapter: &str, language: &str) -> Vec<String> {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide");
    let page = fs::read_to_string(format!("{guide}/{chapter}.md")).unwrap();
    let page = page.replace("\r\n", "\n");
    let fence = format!("\n```{language}\n");
    let blocks = page.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap());
    let programs = blocks.filter(|block| block.starts_with("#include"));
    programs.map(|block| format!("{block}\n")).collect()
}

/// The interface of the guide's store, of which only the methods of `IUnknown` and `Count` exist.
#[repr(C)]
struct IMailbox {
    vtbl: *const MailboxVtbl,
}

#[repr(C)]
struct MailboxVtbl {
    base: IUnknownVtbl,
    count: unsafe extern "system" fn(*mut IMailbox, *mut u32) -> HRESULT,
}

// SAFETY: one pointer to a vtable that begins with IUnknown's. The IID is that of the guide.
unsafe impl Interface for IMailbox {
    type Vtbl = MailboxVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(0x3D0B0E1C_6C5B_4E0A_9C4F_2B6C54D1B7A1);
}
// SAFETY: the guide's store counts atomically, and has no other state that changes.
unsafe impl FreeThreaded for IMailbox {}

struct Sync(#[allow(dead_code)] DropToken);

impl Class for Sync {
    type Interfaces = (IMAPISync,);
}

impl MapiSync for Sync {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        request.spawn(|job| job.position(1, 1))
    }
}

type MakeInner = unsafe extern "C" fn(*mut Option<Sync>, NonNull<IUnknown>, *mut *mut IUnknown);
type Synchronize = unsafe extern "C" fn(*mut Option<Sync>, *mut MAPISIB) -> HRESULT;

/// Makes the inner with the payload to which `payload` points.
unsafe extern "C" fn make_sync(
    payload: *mut Option<Sync>,
    outer: NonNull<IUnknown>,
    inner: *mut *mut IUnknown,
) {
    // SAFETY: the test passes a valid payload, and the store a valid `inner`. The store is an outer
    // by the rules of `InnerObject::new`: it counts atomically, and releases the inner last.
    unsafe { inner.write(InnerObject::new(outer, (*payload).take().unwrap()).into_raw()) };
}

unsafe extern "C" fn synchronize(payload: *mut Option<Sync>, psibpb: *mut MAPISIB) -> HRESULT {
    // SAFETY: the store passes the payload that the test gave it, which is alive, and the caller of
    // the method a valid structure.
    unsafe { provider::dispatch((*payload).as_ref().unwrap(), psibpb) }
}

/// Compiles a program by each compiler, loads it, and calls its function `make_store` with a
/// payload and a function. Checks that the store is one object and runs, and destroys it. The
/// payload must then be dropped if the store owns it.
fn check_store<F: Copy>(program: &str, function: F, owns_payload: bool) {
    type Make<F> = unsafe extern "C" fn(*mut Option<Sync>, F) -> *mut IMailbox;
    for compiler in [&GCC, &CLANG] {
        let folder = tempfile::tempdir().unwrap();
        let [source, library] = ["guide.cpp", "guide.library"].map(|name| folder.path().join(name));
        fs::write(&source, program).unwrap();
        let mut command = compiler.command(Language::Cpp);
        command.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library);
        succeed(command.arg(&source));
        let counter = DropCounter::default();
        let mut payload = Some(Sync(counter.token()));
        // SAFETY: the library has no initializers except those of C++, and stays loaded. The
        // function has this signature. The result is a new object, whose reference is passed on.
        let mailbox = unsafe {
            let library = ManuallyDrop::new(Library::new(&library).unwrap());
            let make = library.get::<Make<F>>(b"make_store").unwrap();
            ComPtr::from_raw(make(&mut payload, function)).unwrap()
        };
        assert_eq!(reference_count(&mailbox), 1);
        let sync = mailbox.cast::<IMAPISync>().unwrap();
        let back = sync.cast::<IMailbox>().unwrap();
        assert!(back.as_raw() == mailbox.as_raw() && sync.is_same_object(&mailbox));
        assert_eq!(reference_count(&sync), 3);
        assert_ne!(sync.as_raw().addr(), mailbox.as_raw().addr());
        let mut count = 0;
        // SAFETY: the object is alive, and slot 3 is `Count`.
        let code = unsafe { ((*back.vtbl()).count)(back.as_raw(), &mut count) };
        assert_eq!((code, count), (HRESULT::S_OK, 1));
        let missing = sync.query_interface(&GUID::from_u128(1));
        assert_eq!(test_support::code(missing), HRESULT::E_NOINTERFACE);
        let outcome = outlook().run(&sync);
        let expected = [Call::position(1, 1), Call::done(HRESULT::S_OK)];
        assert_eq!(outcome.assert_ok().assert_no_leaks().calls(), expected);
        drop((mailbox, back));
        assert_eq!((reference_count(&sync), counter.drops()), (1, 0));
        drop(sync);
        assert_eq!(counter.drops(), usize::from(owns_payload));
    }
}

#[test]
fn the_store_in_cpp_aggregates_the_inner() {
    let functions = "
        static void *payload;
        static void (*make)(void *, IUnknown *, IUnknown **);
        void MakeSync(IUnknown *outer, IUnknown **inner) { make(payload, outer, inner); }
        extern \"C\" IMailbox *make_store(void *with, void (*by)(void *, IUnknown *, IUnknown **)) {
            payload = with, make = by;
            return new Store;
        }
        ";
    let program = programs("existing_store", "cpp").swap_remove(0) + functions;
    check_store(&program, make_sync as MakeInner, true);
}

#[test]
fn the_store_in_cpp_dispatches() {
    let [outer, dispatching] = &programs("existing_store", "cpp")[..] else {
        panic!("two programs");
    };
    let store = outer
        .replace("class Store final", "class Base")
        .replace("Store() { MakeSync(this, &sync); }", "")
        .replace("~Store()", "virtual ~Base()")
        .replace("return sync->QueryInterface(riid, ppv);", "return *ppv = nullptr, E_NOINTERFACE;")
        .replace("sync->Release();", "");
    let functions = "
        static HRESULT (*body)(void *, MAPISIB *);
        HRESULT Synchronize(void *sync, MAPISIB *psibpb) { return body(sync, psibpb); }
        extern \"C\" IMailbox *make_store(void *sync, HRESULT (*by)(void *, MAPISIB *)) {
            body = by;
            return new WithSync<Base>(sync);
        }
        ";
    let program = format!("{store}{dispatching}{functions}").replace("  private:", "  protected:");
    check_store(&program, synchronize as Synchronize, false);
}

#[test]
fn the_slots_are_those_of_the_header() {
    let [program] = &programs("own_interfaces", "c")[..] else {
        panic!("one program");
    };
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("slots.c");
    let accepts = |compiler: Compiler, program: &str| {
        fs::write(&source, program).unwrap();
        let output = run(compiler.command(Language::C).arg("-fsyntax-only").arg(&source));
        output.status.success()
    };
    for compiler in [MINGW_64, MINGW_32] {
        assert!(accepts(compiler, program));
        assert!(!accepts(compiler, &program.replace("== 3 *", "== 4 *")));
    }
}
