//! What the tests share: stores and callbacks made of closures, an ear that notes every call, a tombstone, and COM
//! objects laid by hand that owe nothing to this crate, so that they can break the rules.

#![allow(dead_code)] // each test program uses its part

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

/// Long enough for anything that ends by itself on a slow machine.
pub const LONG: Duration = Duration::from_secs(120);

/// A store whose method is a closure.
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

/// What a callback heard.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    Progress(Option<String>, u32, u32),
    Error(HRESULT, Option<String>),
    Done(HRESULT),
}

/// `Heard::Progress` with a text.
pub fn step(text: &str, index: u32, max: u32) -> Heard {
    Heard::Progress(Some(text.into()), index, max)
}

/// A callback that notes what it hears, and answers Progress with what it is told to.
#[derive(Default)]
pub struct Ear {
    heard: Mutex<Vec<Heard>>,
    pub answer: AtomicI32,
    pub events: AtomicUsize,
}

impl Ear {
    pub fn new() -> Arc<Ear> {
        Arc::default()
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    fn note(&self, heard: Heard) {
        self.heard.lock().unwrap().push(heard);
    }

    /// The callback object, and it as the IUnknown that MAPISIB takes.
    pub fn object(self: &Arc<Ear>) -> ComPtr<IMAPISyncProgressCallback> {
        ComPtr::<IMAPISyncProgressCallback>::new(self.clone())
    }
}

impl MapiSyncProgressCallback for Ear {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.note(Heard::Progress(step.map(String::from), index, max));
        HRESULT(self.answer.load(SeqCst)).ok().map(drop)
    }
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        self.note(Heard::Error(code, message.map(String::from)));
        Ok(())
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        self.note(Heard::Done(status));
        Ok(())
    }
    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        self.events.fetch_add(event.is_some().into(), SeqCst);
        drop(event);
        self.done(status)
    }
}

/// Counts how many of its clones are left behind when dropped: 1 for each burial.
#[derive(Clone, Default)]
pub struct Grave(Arc<AtomicUsize>);

impl Grave {
    pub fn buried(&self) -> usize {
        self.0.load(SeqCst)
    }

    pub fn tombstone(&self) -> Tombstone {
        Tombstone(self.clone())
    }
}

/// Notes its drop in its grave.
pub struct Tombstone(Grave);

impl Drop for Tombstone {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, SeqCst);
    }
}

/// An object that offers IUnknown and nothing else.
pub struct Nobody;

impl Class for Nobody {
    type Interfaces = (IUnknown,);
}

pub fn nobody() -> ComPtr<IUnknown> {
    ComObject::new(Nobody).cast().unwrap()
}

/// The count of an object, read as COM allows in tests.
pub fn count<I: Interface>(pointer: &ComPtr<I>) -> u32 {
    let (vtbl, this) = (
        pointer.vtbl().cast::<IUnknownVtbl>(),
        pointer.as_raw().cast::<IUnknown>(),
    );
    // SAFETY: `pointer` holds a reference; the reference added is given back.
    unsafe {
        ((*vtbl).AddRef)(this);
        ((*vtbl).Release)(this)
    }
}

/// Releases the last two references to each object on two threads, which go through the objects in the same order at once. A
/// thread that was interrupted within `Release` goes on after the other thread has freed the object, so it must not touch it.
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

/// QueryInterface as C calls it.
///
/// # Safety
///
/// `riid` and `ppv` are NULL or valid at any alignment.
pub unsafe fn query<I: Interface>(
    pointer: &ComPtr<I>,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    let (vtbl, this) = (
        pointer.vtbl().cast::<IUnknownVtbl>(),
        pointer.as_raw().cast::<IUnknown>(),
    );
    // SAFETY: the object is alive; the rest is the caller's promise.
    unsafe { ((*vtbl).QueryInterface)(this, riid, ppv) }
}

/// A MAPISIB filled in as Outlook does.
pub fn request(callback: *mut IUnknown, slot: *mut *mut c_void) -> MAPISIB {
    MAPISIB {
        ulSize: size_of::<MAPISIB>() as u32,
        ulFlags: 0x80,
        psesSync: ptr::null_mut(),
        punkCallBack: callback,
        phSyncDoneEvent: slot,
    }
}

/// Something that is not NULL, to see whether a slot is written.
pub fn garbage() -> *mut c_void {
    ptr::without_provenance_mut(0x5A5A_5A5A)
}

/// The event in a slot, which the caller owns if no callback took it.
pub fn event(slot: *mut c_void) -> Option<DoneEvent> {
    // SAFETY: the tests that call this gave no callback, or one that leaves the handle alone.
    unsafe { DoneEvent::from_raw(slot) }
}

type Script = Box<dyn Fn(*mut MAPISIB) -> HRESULT + Send + Sync>;

/// An `IMAPISync` laid by hand: its method is the script, and it may break every rule.
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
    // SAFETY: a new object with a count of 1, free-threaded since the script is `Send + Sync`.
    unsafe { ComPtr::from_raw(Box::into_raw(Box::new(object)).cast()) }.unwrap()
}

unsafe extern "system" fn foreign_query(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: called by COM's rules.
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
    // SAFETY: called by COM's rules, on a ForeignSync.
    unsafe { (*this.cast::<ForeignSync>()).count.fetch_add(1, SeqCst) + 1 }
}

unsafe extern "system" fn foreign_release(this: *mut IUnknown) -> u32 {
    // SAFETY: called by COM's rules, on a ForeignSync.
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
    // SAFETY: called by COM's rules, on a ForeignSync.
    unsafe { ((*this.cast::<ForeignSync>()).script)(psibpb) }
}

/// The callback of a request, as a foreign store takes it: with a reference of its own.
pub fn callback_of(psibpb: *mut MAPISIB) -> ComPtr<IMAPISyncProgressCallback> {
    // SAFETY: the host lends the object for the call, and it is one of this crate's.
    let unknown = unsafe { ComPtr::from_raw_borrowed((*psibpb).punkCallBack) }.unwrap();
    unknown.cast().unwrap()
}

/// `Done`, by a store that does without a job and may break the rules.
pub fn done(
    callback: &ComPtr<IMAPISyncProgressCallback>,
    event: Option<DoneEvent>,
    status: HRESULT,
) -> HRESULT {
    // SAFETY: the callbacks of the tests free nothing at Done. Of two calls the second is what some tests are about.
    unsafe { callback.done(event, status) }
}

/// Waits for what is bound to become true.
pub fn until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < LONG, "it has not come true");
        std::thread::yield_now();
    }
}

/// An object whose QueryInterface answers what it likes.
#[repr(C)]
pub struct Liar {
    vtbl: *const IUnknownVtbl,
    pub answer: HRESULT,
    pub out: *mut c_void,
}

impl Liar {
    pub fn new(answer: HRESULT, out: *mut c_void) -> Liar {
        Liar {
            vtbl: &LIAR,
            answer,
            out,
        }
    }
}

/// Pairs that a misbehaving `QueryInterface` returns and stores, and the code that its caller must get instead, always with NULL.
pub fn lies() -> [(HRESULT, *mut c_void, HRESULT); 4] {
    let null = ptr::null_mut();
    [
        (HRESULT::S_OK, null, HRESULT::E_NOINTERFACE),
        (HRESULT::S_FALSE, null, HRESULT::E_NOINTERFACE),
        (HRESULT::E_NOINTERFACE, garbage(), HRESULT::E_NOINTERFACE),
        (HRESULT::E_ACCESSDENIED, garbage(), HRESULT::E_ACCESSDENIED),
    ]
}

static LIAR: IUnknownVtbl = IUnknownVtbl {
    QueryInterface: lie,
    AddRef: no_count,
    Release: no_count,
};

unsafe extern "system" fn lie(
    this: *mut IUnknown,
    _: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: called by COM's rules, on a Liar.
    unsafe {
        *ppv = (*this.cast::<Liar>()).out;
        (*this.cast::<Liar>()).answer
    }
}

unsafe extern "system" fn no_count(_: *mut IUnknown) -> u32 {
    1
}

/// A panic's payload that panics in turn when it is dropped, and so on.
pub struct Bomb(pub u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 > 0 {
            std::panic::panic_any(Bomb(self.0 - 1));
        }
    }
}

/// The code of a result that should be an error.
pub fn code<T>(result: Result<T>) -> HRESULT {
    result
        .err()
        .as_ref()
        .map(Error::hresult)
        .expect("it should have failed")
}

/// An event, and a value that signals it when dropped. The only events under Miri are the crate's own, so this one belongs to
/// a job without a callback.
#[cfg(miri)]
pub fn pair() -> (DoneEvent, impl Send + 'static) {
    let started = Arc::new(Mutex::new(None));
    let kept = started.clone();
    let sync = store(move |request| {
        *kept.lock().unwrap() = Some(request.start()?);
        Ok(())
    });
    let mut location = garbage();
    // SAFETY: a valid request.
    let code =
        unsafe { sync.synchronize_in_background(&mut request(ptr::null_mut(), &mut location)) };
    assert_eq!(code, HRESULT::S_OK);
    let job = started.lock().unwrap().take().unwrap();
    (event(location).unwrap(), job)
}

/// An event as a foreign store makes one: dropping the second part makes it occur.
#[cfg(all(unix, not(miri)))]
pub fn pair() -> (DoneEvent, impl Send + 'static) {
    use std::os::fd::IntoRawFd;
    let (theirs, ours) = std::os::unix::net::UnixStream::pair().unwrap();
    let raw = ptr::without_provenance_mut(theirs.into_raw_fd() as usize);
    // SAFETY: a new descriptor, handed over.
    (unsafe { DoneEvent::from_raw(raw) }.unwrap(), ours)
}

/// An event as a foreign store makes one: dropping the second part makes it occur.
#[cfg(all(windows, not(miri)))]
pub fn pair() -> (DoneEvent, impl Send + 'static) {
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
            // SAFETY: an open event.
            unsafe { SetEvent(self.0.as_handle().as_raw_handle()) };
        }
    }
    // SAFETY: no attributes, no name; the new handle is handed over.
    let event =
        unsafe { DoneEvent::from_raw(CreateEventW(ptr::null(), 1, 0, ptr::null())) }.unwrap();
    let signal = Signal(event.try_clone().unwrap());
    (event, signal)
}

/// How many descriptors this process has open, and one.
#[cfg(target_os = "linux")]
pub fn open_handles() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// How many handles this process has open, by asking for each number that may be one: Wine's own counter always
/// answers 0.
#[cfg(windows)]
pub fn open_handles() -> usize {
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetHandleInformation(handle: mapisync::abi::HANDLE, flags: *mut u32) -> i32;
    }
    let is_open = |number: &usize| {
        let mut flags = 0;
        // SAFETY: the call is documented to fail for what is no handle.
        unsafe { GetHandleInformation(ptr::without_provenance_mut(*number), &mut flags) != 0 }
    };
    (4..0x2000).step_by(4).filter(is_open).count()
}

/// How many handles stay open, when threads that have signalled their ends have come to them.
#[cfg(any(windows, target_os = "linux"))]
pub fn settled_handles() -> usize {
    let count = |_| {
        std::thread::sleep(Duration::from_millis(2));
        open_handles()
    };
    (0..10).map(count).min().unwrap()
}

/// Every file below a folder.
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

/// One of the examples, which `cargo test` builds along with the tests.
pub fn example(name: &str) -> PathBuf {
    built(&format!("examples/{name}{}", std::env::consts::EXE_SUFFIX))
}

/// One of the examples that are libraries.
pub fn example_library(name: &str) -> PathBuf {
    built(&format!("examples/{}", library_file(name)))
}

/// What the system calls the file of a library.
pub fn library_file(name: &str) -> String {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    format!("{DLL_PREFIX}{name}{DLL_SUFFIX}")
}

/// A file of the folder to which cargo builds for this target.
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

/// The emulator that runs programs of this target, with its arguments, where `.ci/run` tests another processor's.
pub fn emulator() -> Option<String> {
    std::env::var("MAPISYNC_EMULATOR").ok()
}

/// The words of a command that runs a program of this target.
pub fn words(program: &Path) -> Vec<OsString> {
    let emulator = emulator().unwrap_or_default();
    let words = emulator.split_whitespace().map(OsString::from);
    words.chain([program.into()]).collect()
}

/// A command that runs a program of this target.
pub fn run(program: &Path) -> Command {
    let words = words(program);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

/// The words of that command as a shell takes them.
pub fn quoted(program: &Path) -> String {
    let words = words(program);
    let words = words
        .iter()
        .map(|word| format!("'{}'", word.to_str().unwrap()));
    words.collect::<Vec<_>>().join(" ")
}

/// Returns `cases`, a tenth of them where `.ci/run` runs the tests under an emulator or Wine, or a hundredth under Miri.
pub fn fewer(cases: usize) -> usize {
    if cfg!(miri) {
        (cases / 100).max(1)
    } else if std::env::var_os("MAPISYNC_FEWER_CASES").is_some() {
        cases / 10
    } else {
        cases
    }
}

/// Notes that a test can't be done on this system; where every test is demanded, as by `.ci/run`, that is a failure.
pub fn left_out(why: &str) {
    assert!(
        std::env::var_os("MAPISYNC_EVERY_TEST").is_none(),
        "it has to be done here, but {why}"
    );
    eprintln!("left out: {why}");
}

/// The program `unshare` with the flags for namespaces of its own in which `probe` works, or `None` where this system
/// lets nobody have them. Root may; anybody else may as root of a user namespace.
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
    left_out(&format!(
        "this system does not allow `unshare {} {probe}`",
        flags.join(" ")
    ));
    None
}
