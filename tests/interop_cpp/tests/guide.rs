//! The guide's code in C and C++: a compiler accepts it without a warning, and its stores run.

use libloading::Library;
use mapisync::abi::{IMAPISync, IUnknown, MAPISIB};
use mapisync::testing::{Call, reference_count};
use mapisync::{
    Class, ComPtr, FreeThreaded, GUID, HRESULT, InnerObject, Interface, MapiSync, Result,
    SyncRequest, provider,
};
use mapisync_interop_cpp::{CLANG, GCC, Language, MINGW_32, MINGW_64};
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
    let blocks = page
        .split(&fence)
        .skip(1)
        .map(|rest| rest.split("\n```").next().unwrap());
    let programs = blocks.filter(|block| block.starts_with("#include"));
    programs.map(|block| format!("{block}\n")).collect()
}

/// Compiles a program by each compiler, loads it, and calls `test` with it. It stays loaded.
fn each(program: &str, test: impl Fn(&Library)) {
    let folder = tempfile::tempdir().unwrap();
    let [source, library] = ["guide.cpp", "guide.library"].map(|name| folder.path().join(name));
    fs::write(&source, program).unwrap();
    for compiler in [&GCC, &CLANG] {
        let mut command = compiler.command(Language::Cpp);
        command
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .arg(&library);
        compiler.ask(command.arg(&source));
        // SAFETY: the library has no initializers except those of C++.
        test(&ManuallyDrop::new(
            unsafe { Library::new(&library) }.unwrap(),
        ));
        fs::remove_file(&library).unwrap(); // otherwise the loader could take the next one for it
    }
}

/// The interface of the guide's store, of which only the methods of `IUnknown` and `Count` exist.
#[repr(C)]
struct IMailbox {
    vtbl: *const MailboxVtbl,
}

#[repr(C)]
struct MailboxVtbl {
    base: mapisync::abi::IUnknownVtbl,
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

fn runs(sync: &ComPtr<IMAPISync>) {
    let outcome = outlook().run(sync);
    let expected = [Call::position(1, 1), Call::done(HRESULT::S_OK)];
    assert_eq!(outcome.assert_ok().assert_no_leaks().calls(), expected);
}

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

#[test]
fn the_store_in_cpp_aggregates_the_inner() {
    type Make = unsafe extern "C" fn(
        payload: *mut Option<Sync>,
        make: unsafe extern "C" fn(*mut Option<Sync>, NonNull<IUnknown>, *mut *mut IUnknown),
    ) -> *mut IMailbox;
    let [outer, _] = &programs("existing_store", "cpp")[..] else {
        panic!("two programs");
    };
    let functions = "
        static void *payload;
        static void (*make)(void *, IUnknown *, IUnknown **);
        void MakeSync(IUnknown *outer, IUnknown **inner) { make(payload, outer, inner); }
        extern \"C\" IMailbox *make_store(void *with, void (*by)(void *, IUnknown *, IUnknown **)) {
            payload = with, make = by;
            return new Store;
        }
        ";
    each(&format!("{outer}{functions}"), |library| {
        let counter = DropCounter::default();
        let mut payload = Some(Sync(counter.token()));
        // SAFETY: the function has this signature. The result is a new object, whose reference is
        // passed on.
        let mailbox = unsafe {
            let make = library.get::<Make>(b"make_store").unwrap();
            ComPtr::from_raw(make(&mut payload, make_sync)).unwrap()
        };
        assert_eq!(reference_count(&mailbox), 1);
        let sync = mailbox.cast::<IMAPISync>().unwrap();
        let back = sync.cast::<IMailbox>().unwrap();
        assert!(back.as_raw() == mailbox.as_raw() && sync.is_same_object(&mailbox));
        assert_eq!(reference_count(&sync), 3);
        let mut count = 0;
        // SAFETY: the object is alive, and slot 3 is `Count`.
        let code = unsafe { ((*back.vtbl()).count)(back.as_raw(), &mut count) };
        assert_eq!((code, count), (HRESULT::S_OK, 1));
        let unknown = GUID::from_u128(1);
        let missing = sync.query_interface(&unknown).unwrap_err();
        assert_eq!(missing.hresult(), HRESULT::E_NOINTERFACE);
        runs(&sync);
        drop((mailbox, back));
        assert_eq!((reference_count(&sync), counter.drops()), (1, 0));
        drop(sync);
        assert_eq!(counter.drops(), 1);
    });
}

unsafe extern "C" fn synchronize(sync: *const Sync, psibpb: *mut MAPISIB) -> HRESULT {
    // SAFETY: the store passes the payload that the test gave it, which is alive, and the caller of
    // the method a valid structure.
    unsafe { provider::dispatch(&*sync, psibpb) }
}

#[test]
fn the_store_in_cpp_dispatches() {
    type Make = unsafe extern "C" fn(
        sync: *const Sync,
        synchronize: unsafe extern "C" fn(*const Sync, *mut MAPISIB) -> HRESULT,
    ) -> *mut IMailbox;
    let [outer, dispatching] = &programs("existing_store", "cpp")[..] else {
        panic!("two programs");
    };
    let store = outer
        .replace("class Store final", "class Base")
        .replace("Store() { MakeSync(this, &sync); }", "")
        .replace("~Store()", "virtual ~Base()")
        .replace(
            "return sync->QueryInterface(riid, ppv);",
            "return *ppv = nullptr, E_NOINTERFACE;",
        )
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
    each(&program, |library| {
        let counter = DropCounter::default();
        let payload = Sync(counter.token());
        // SAFETY: the function has this signature. The result is a new object, whose reference is
        // passed on.
        let mailbox = unsafe {
            let make = library.get::<Make>(b"make_store").unwrap();
            ComPtr::from_raw(make(&payload, synchronize)).unwrap()
        };
        let sync = mailbox.cast::<IMAPISync>().unwrap();
        assert_ne!(
            sync.as_raw().addr(),
            mailbox.as_raw().addr(),
            "another base"
        );
        assert!(sync.cast::<IMailbox>().unwrap().is_same_object(&sync));
        let missing = sync.query_interface(&GUID::from_u128(1)).unwrap_err();
        assert_eq!(missing.hresult(), HRESULT::E_NOINTERFACE);
        runs(&sync);
        assert_eq!(reference_count(&sync), 2);
        drop((mailbox, sync));
        assert_eq!(counter.drops(), 0, "the store does not own the payload");
    });
}

#[test]
fn the_slots_are_those_of_the_header() {
    let [program] = &programs("own_interfaces", "c")[..] else {
        panic!("one program");
    };
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("slots.c");
    let check = |program: &str, compiler: &mapisync_interop_cpp::Compiler| {
        fs::write(&source, program).unwrap();
        let mut command = compiler.command(Language::C);
        compiler.run(command.arg("-fsyntax-only").arg(&source))
    };
    for compiler in [&MINGW_64, &MINGW_32] {
        let output = check(program, compiler);
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{messages}");
        let wrong = program.replace("== 3 *", "== 4 *");
        assert!(!check(&wrong, compiler).status.success());
    }
}
