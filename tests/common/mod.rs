//! Helpers that the tests share: stores made of closures, a callback that records its calls, a drop
//! counter, and hand-written COM objects. The hand-written objects use nothing of this crate, so
//! they can break the rules of COM.

#![allow(dead_code)] // no test program uses every helper

pub mod outer;

use mapisync::abi::{
    IMAPISync, IMAPISyncProgressCallback, IMAPISyncVtbl, IUnknown, IUnknownVtbl, MAPISIB,
};
use mapisync::{
    Class, ComObject, ComPtr, DoneEvent, Error, FreeThreaded, GUID, HRESULT, Interface, MapiSync,
    MapiSyncProgressCallback, Result, SyncRequest,
};
use std::ffi::{OsString, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The longest wait for an operation that ends on its own, on a slow machine.
pub const TIMEOUT: Duration = Duration::from_secs(120);

/// Creates a store whose method is a closure.
pub fn store(
    method: impl Fn(SyncRequest<'_>) -> Result<()> + Send + Sync + 'static,
) -> ComPtr<IMAPISync> {
    struct Store<F>(F);
    impl<F: Fn(SyncRequest<'_>) -> Result<()> + Send + Sync + 'static> MapiSync for Store<F> {
        fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
            (self.0)(request)
        }
    }
    ComPtr::<IMAPISync>::new(Store(method))
}

/// A call of one of the callback's methods.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    Progress(Option<String>, u32, u32),
    Error(HRESULT, Option<String>),
    Done(HRESULT),
}

/// Returns `Call::Progress` with a string.
pub fn step(step: &str, index: u32, max: u32) -> Call {
    Call::Progress(Some(step.into()), index, max)
}

/// A callback that records every call.
#[derive(Default)]
pub struct Recorder {
    calls: Mutex<Vec<Call>>,
    /// The code that `Progress` returns.
    pub progress_code: AtomicI32,
    /// The number of events that `Done` handed over.
    pub events: AtomicUsize,
}

impl Recorder {
    pub fn new() -> Arc<Recorder> {
        Arc::default()
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    fn record(&self, call: Call) {
        self.calls.lock().unwrap().push(call);
    }

    /// Creates a callback object that records in `self`.
    pub fn object(self: &Arc<Recorder>) -> ComPtr<IMAPISyncProgressCallback> {
        ComPtr::<IMAPISyncProgressCallback>::new(self.clone())
    }
}

impl MapiSyncProgressCallback for Recorder {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.record(Call::Progress(step.map(String::from), index, max));
        HRESULT(self.progress_code.load(SeqCst)).ok().map(drop)
    }
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        self.record(Call::Error(code, message.map(String::from)));
        Ok(())
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        self.record(Call::Done(status));
        Ok(())
    }
    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        self.events.fetch_add(event.is_some().into(), SeqCst);
        drop(event);
        self.done(status)
    }
}

/// Counts the drops of its tokens.
#[derive(Clone, Default)]
pub struct DropCounter(Arc<AtomicUsize>);

impl DropCounter {
    pub fn drops(&self) -> usize {
        self.0.load(SeqCst)
    }

    pub fn token(&self) -> DropToken {
        DropToken(self.clone())
    }
}

/// Adds 1 to its drop counter when it is dropped.
pub struct DropToken(DropCounter);

impl Drop for DropToken {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, SeqCst);
    }
}

/// An object whose only interface is `IUnknown`.
pub struct BareObject;

impl Class for BareObject {
    type Interfaces = (IUnknown,);
}

pub fn bare_object() -> ComPtr<IUnknown> {
    ComObject::new(BareObject).cast().unwrap()
}

/// Returns the reference count of an object. It is the value that `Release` returns, which COM
/// guarantees for tests only.
pub fn count<I: Interface>(pointer: &ComPtr<I>) -> u32 {
    let (vtbl, this) = (
        pointer.vtbl().cast::<IUnknownVtbl>(),
        pointer.as_raw().cast::<IUnknown>(),
    );
    // SAFETY: `pointer` owns a reference, so the object is alive. The reference that `AddRef` adds
    // is released.
    unsafe {
        ((*vtbl).AddRef)(this);
        ((*vtbl).Release)(this)
    }
}

/// Releases the last two references to each object on two threads, which go through the objects in
/// the same order at the same time. A thread that is interrupted in `Release` may continue after
/// the other thread has freed the object, so it must not access the object again.
pub fn release_at_once<I: FreeThreaded, J: FreeThreaded>(
    one: Vec<ComPtr<I>>,
    other: Vec<ComPtr<J>>,
) {
    fn release_all<I: FreeThreaded>(start: &Barrier, references: Vec<ComPtr<I>>) {
        start.wait();
        for reference in references {
            drop(reference.clone());
            drop(reference);
        }
    }
    let start = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| release_all(&start, one));
        scope.spawn(|| release_all(&start, other));
    });
}

/// Calls `QueryInterface` through the vtable, as C does.
///
/// # Safety
///
/// `riid` must be NULL or readable, and `ppv` must be NULL or writable. Any alignment is allowed.
pub unsafe fn query<I: Interface>(
    pointer: &ComPtr<I>,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    let (vtbl, this) = (
        pointer.vtbl().cast::<IUnknownVtbl>(),
        pointer.as_raw().cast::<IUnknown>(),
    );
    // SAFETY: `pointer` owns a reference, so the object is alive. The caller guarantees that `riid`
    // and `ppv` are NULL or valid.
    unsafe { ((*vtbl).QueryInterface)(this, riid, ppv) }
}

/// Returns a `MAPISIB` with the values that Outlook uses. `location` is the event handle location.
pub fn request(callback: *mut IUnknown, location: *mut *mut c_void) -> MAPISIB {
    MAPISIB {
        ulSize: size_of::<MAPISIB>() as u32,
        ulFlags: 0x80,
        psesSync: ptr::null_mut(),
        punkCallBack: callback,
        phSyncDoneEvent: location,
    }
}

/// Returns an invalid pointer that is not NULL. It shows whether a call overwrites it.
pub fn garbage() -> *mut c_void {
    ptr::without_provenance_mut(0x5A5A_5A5A)
}

/// Returns the event of a handle that the store wrote to the event handle location. The caller owns
/// the handle if `Done` handed it to no callback.
pub fn event(event_handle: *mut c_void) -> Option<DoneEvent> {
    // SAFETY: the tests that call this passed no callback, or one that does not take the handle, so
    // the handle is the caller's.
    unsafe { DoneEvent::from_raw(event_handle) }
}

type Script = Box<dyn Fn(*mut MAPISIB) -> HRESULT + Send + Sync>;

/// A hand-written `IMAPISync`. Its method is the script, which may break any rule.
#[repr(C)]
struct ForeignSync {
    vtbl: *const IMAPISyncVtbl,
    count: AtomicU32,
    script: Script,
}

static FOREIGN_SYNC: IMAPISyncVtbl = IMAPISyncVtbl {
    base: IUnknownVtbl {
        QueryInterface: foreign_query,
        AddRef: foreign_add_ref,
        Release: foreign_release,
    },
    SynchronizeInBackground: foreign_synchronize,
};

pub fn foreign_sync(
    script: impl Fn(*mut MAPISIB) -> HRESULT + Send + Sync + 'static,
) -> ComPtr<IMAPISync> {
    let object = ForeignSync {
        vtbl: &FOREIGN_SYNC,
        count: AtomicU32::new(1),
        script: Box::new(script),
    };
    // SAFETY: the object is new, and its reference count of 1 passes to the `ComPtr`. It is
    // free-threaded, because the script is `Send + Sync`.
    unsafe { ComPtr::from_raw(Box::into_raw(Box::new(object)).cast()) }.unwrap()
}

unsafe extern "system" fn foreign_query(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: COM guarantees that `this` is a live `ForeignSync` and that `riid` and `ppv` are
    // valid.
    unsafe {
        if *riid == IUnknown::IID || *riid == IMAPISync::IID {
            foreign_add_ref(this);
            *ppv = this.cast();
            return HRESULT::S_OK;
        }
        *ppv = ptr::null_mut();
    }
    HRESULT::E_NOINTERFACE
}

unsafe extern "system" fn foreign_add_ref(this: *mut IUnknown) -> u32 {
    // SAFETY: COM guarantees that `this` is a live `ForeignSync`, whose vtable this function is in.
    unsafe { (*this.cast::<ForeignSync>()).count.fetch_add(1, SeqCst) + 1 }
}

unsafe extern "system" fn foreign_release(this: *mut IUnknown) -> u32 {
    // SAFETY: COM guarantees that `this` is a live `ForeignSync`, whose vtable this function is in.
    unsafe {
        let left = (*this.cast::<ForeignSync>()).count.fetch_sub(1, SeqCst) - 1;
        if left == 0 {
            drop(Box::from_raw(this.cast::<ForeignSync>()));
        }
        left
    }
}

unsafe extern "system" fn foreign_synchronize(
    this: *mut IMAPISync,
    psibpb: *mut MAPISIB,
) -> HRESULT {
    // SAFETY: COM guarantees that `this` is a live `ForeignSync`, whose vtable this function is in.
    unsafe { ((*this.cast::<ForeignSync>()).script)(psibpb) }
}

/// Returns the callback of a request with a new reference, as a foreign store gets it.
pub fn callback_of(psibpb: *mut MAPISIB) -> ComPtr<IMAPISyncProgressCallback> {
    // SAFETY: the host guarantees that the structure and the callback are valid for the call. The
    // callback is an object of this crate, so it is free-threaded.
    let unknown = unsafe { ComPtr::from_raw_borrowed((*psibpb).punkCallBack) }.unwrap();
    unknown.cast().unwrap()
}

/// Calls `Done` as a store does that has no job and may break the rules.
pub fn done(
    callback: &ComPtr<IMAPISyncProgressCallback>,
    event: Option<DoneEvent>,
    status: HRESULT,
) -> HRESULT {
    // SAFETY: the contract of `done` allows one call for each run. The callbacks of the tests free
    // nothing in `Done`, so the second call of some tests reads no freed memory.
    unsafe { callback.done(event, status) }
}

/// Waits until `condition` is true.
pub fn wait_until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < TIMEOUT, "the condition is still false");
        std::thread::yield_now();
    }
}

/// An object whose `QueryInterface` returns and stores given values, in any combination.
#[repr(C)]
pub struct MisbehavingObject {
    vtbl: *const IUnknownVtbl,
    pub code: HRESULT,
    pub out: *mut c_void,
}

impl MisbehavingObject {
    pub fn new(code: HRESULT, out: *mut c_void) -> MisbehavingObject {
        MisbehavingObject {
            vtbl: &MISBEHAVING,
            code,
            out,
        }
    }
}

/// Lists the codes and pointers that a misbehaving `QueryInterface` returns and stores. The third
/// value is the code that the caller of this crate must get instead, always with NULL.
pub fn misbehavior() -> [(HRESULT, *mut c_void, HRESULT); 4] {
    let null = ptr::null_mut();
    [
        (HRESULT::S_OK, null, HRESULT::E_NOINTERFACE),
        (HRESULT::S_FALSE, null, HRESULT::E_NOINTERFACE),
        (HRESULT::E_NOINTERFACE, garbage(), HRESULT::E_NOINTERFACE),
        (HRESULT::E_ACCESSDENIED, garbage(), HRESULT::E_ACCESSDENIED),
    ]
}

static MISBEHAVING: IUnknownVtbl = IUnknownVtbl {
    QueryInterface: misbehaving_query,
    AddRef: no_count,
    Release: no_count,
};

unsafe extern "system" fn misbehaving_query(
    this: *mut IUnknown,
    _: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: COM guarantees that `this` is a live `MisbehavingObject` and that `ppv` is valid.
    unsafe {
        *ppv = (*this.cast::<MisbehavingObject>()).out;
        (*this.cast::<MisbehavingObject>()).code
    }
}

unsafe extern "system" fn no_count(_: *mut IUnknown) -> u32 {
    1
}

/// A panic payload that panics when it is dropped, with a payload of the same type and a smaller
/// number. The payload with the number 0 does not panic.
pub struct PanicOnDrop(pub u32);

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        if self.0 > 0 {
            std::panic::panic_any(PanicOnDrop(self.0 - 1));
        }
    }
}

/// Returns the code of a result that must be an error.
pub fn code<T>(result: Result<T>) -> HRESULT {
    result
        .err()
        .as_ref()
        .map(Error::hresult)
        .expect("the result is an error")
}

/// Returns an event, and a value that signals the event when it is dropped. Miri supports the
/// crate's own events only, so this event belongs to a job without a callback.
#[cfg(miri)]
pub fn event_pair() -> (DoneEvent, impl Send + 'static) {
    let started = Arc::new(Mutex::new(None));
    let kept = started.clone();
    let sync = store(move |request| {
        *kept.lock().unwrap() = Some(request.start()?);
        Ok(())
    });
    let mut location = garbage();
    // SAFETY: the request is valid.
    let code =
        unsafe { sync.synchronize_in_background(&mut request(ptr::null_mut(), &mut location)) };
    assert_eq!(code, HRESULT::S_OK);
    let job = started.lock().unwrap().take().unwrap();
    (event(location).unwrap(), job)
}

/// Returns an event as a foreign store creates it, and a value that signals the event when it is
/// dropped.
#[cfg(all(unix, not(miri)))]
pub fn event_pair() -> (DoneEvent, impl Send + 'static) {
    use std::os::fd::IntoRawFd;
    let (theirs, ours) = std::os::unix::net::UnixStream::pair().unwrap();
    let raw = ptr::without_provenance_mut(theirs.into_raw_fd() as usize);
    // SAFETY: the descriptor is new, and its ownership passes to the event.
    (unsafe { DoneEvent::from_raw(raw) }.unwrap(), ours)
}

/// Returns an event as a foreign store creates it, and a value that signals the event when it is
/// dropped.
#[cfg(all(windows, not(miri)))]
pub fn event_pair() -> (DoneEvent, impl Send + 'static) {
    use std::os::windows::io::AsRawHandle;
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn CreateEventW(
            attributes: *const c_void,
            manual: i32,
            initial: i32,
            name: *const u16,
        ) -> mapisync::abi::HANDLE;
        fn SetEvent(event: mapisync::abi::HANDLE) -> i32;
    }
    struct Signal(DoneEvent);
    impl Drop for Signal {
        fn drop(&mut self) {
            use std::os::windows::io::AsHandle;
            // SAFETY: `self.0` keeps the event open.
            unsafe { SetEvent(self.0.as_handle().as_raw_handle()) };
        }
    }
    // SAFETY: `CreateEventW` allows NULL for the attributes and the name. The handle is new, and
    // its ownership passes to the event.
    let event =
        unsafe { DoneEvent::from_raw(CreateEventW(ptr::null(), 1, 0, ptr::null())) }.unwrap();
    let signal = Signal(event.try_clone().unwrap());
    (event, signal)
}

/// Returns the number of descriptors that this process has open, plus one for the listing itself.
#[cfg(target_os = "linux")]
pub fn open_handles() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Returns the number of handles that this process has open. It tries every number that may be a
/// handle, because Wine's own counter always returns 0.
#[cfg(windows)]
pub fn open_handles() -> usize {
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetHandleInformation(handle: mapisync::abi::HANDLE, flags: *mut u32) -> i32;
    }
    let is_open = |number: &usize| {
        let mut flags = 0;
        // SAFETY: the documentation says that the call fails for an invalid handle.
        unsafe { GetHandleInformation(ptr::without_provenance_mut(*number), &mut flags) != 0 }
    };
    (4..0x2000).step_by(4).filter(is_open).count()
}

/// Returns the number of handles that stay open. A thread that has signaled its end still needs a
/// moment to close its handles.
#[cfg(any(windows, target_os = "linux"))]
pub fn remaining_handles() -> usize {
    let count = |_| {
        std::thread::sleep(Duration::from_millis(2));
        open_handles()
    };
    (0..10).map(count).min().unwrap()
}

/// Returns every file below a folder.
pub fn walk(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                walk(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// Returns the path of an example, which `cargo test` builds together with the tests.
pub fn example(name: &str) -> PathBuf {
    built(&format!("examples/{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Returns the path of an example that is a library.
pub fn example_library(name: &str) -> PathBuf {
    built(&format!("examples/{}", library_file(name)))
}

/// Returns the file name of a library on this system.
pub fn library_file(name: &str) -> String {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    format!("{DLL_PREFIX}{name}{DLL_SUFFIX}")
}

/// Returns the path of a file in cargo's build folder for this target.
pub fn target_file(path: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let folder = tests.parent().and_then(Path::parent).unwrap();
    folder.join(path)
}

fn built(path: &str) -> PathBuf {
    let file = target_file(path);
    assert!(
        file.exists(),
        "run `cargo build --examples` first: `cargo test --test …` does not"
    );
    file
}

/// Returns the emulator that runs programs of this target, with its arguments. `.ci/run` sets it
/// for targets of other processors.
pub fn emulator() -> Option<String> {
    std::env::var("MAPISYNC_EMULATOR").ok()
}

/// Returns the words of a command that runs a program of this target.
pub fn words(program: &Path) -> Vec<OsString> {
    let emulator = emulator().unwrap_or_default();
    let words = emulator.split_whitespace().map(OsString::from);
    words.chain([program.into()]).collect()
}

/// Returns a command that runs a program of this target.
pub fn run(program: &Path) -> Command {
    let words = words(program);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

/// Returns the words of that command, quoted for a shell.
pub fn quoted(program: &Path) -> String {
    let words = words(program);
    let words = words
        .iter()
        .map(|word| format!("'{}'", word.to_str().unwrap()));
    words.collect::<Vec<_>>().join(" ")
}

/// Returns `cases`, a tenth of it where `.ci/run` runs the tests under an emulator or Wine, or a
/// hundredth of it under Miri.
pub fn fewer(cases: usize) -> usize {
    if cfg!(miri) {
        (cases / 100).max(1)
    } else if std::env::var_os("MAPISYNC_FEWER_CASES").is_some() {
        cases / 10
    } else {
        cases
    }
}

/// Prints that this system cannot run a test. It panics if every test is required, as in `.ci/run`.
pub fn skip(why: &str) {
    assert!(
        std::env::var_os("MAPISYNC_EVERY_TEST").is_none(),
        "every test is required here, but {why}"
    );
    eprintln!("skipped: {why}");
}

/// Returns the program `unshare` with flags for new namespaces in which `probe` works, or `None` if
/// this system does not allow such namespaces. Other users than root become root of a user
/// namespace first.
#[cfg(target_os = "linux")]
pub fn unshare(flags: &[&str], probe: &str) -> Option<Command> {
    let root = rustix::process::geteuid().is_root();
    let command = || {
        let mut command = Command::new("unshare");
        command
            .args(flags)
            .args((!root).then_some("--map-root-user"));
        command
    };
    let works = command()
        .args(["sh", "-c", probe])
        .stderr(std::process::Stdio::null())
        .status();
    if works.is_ok_and(|status| status.success()) {
        return Some(command());
    }
    skip(&format!(
        "this system does not allow `unshare {} {probe}`",
        flags.join(" ")
    ));
    None
}
