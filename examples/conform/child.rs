//! The child process: it loads the provider, checks it, and writes what it finds out to a file, one
//! JSON value a line.

use crate::arguments::Arguments;
use crate::session::session;
use libloading::Library;
use mapisync::abi::{IID_IMAPISync, IMAPISync};
use mapisync::testing::conformance::{Conformance, Row};
use mapisync::{ComPtr, GUID, HRESULT};
use std::ffi::{OsString, c_void};
use std::fs::File;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr;
use std::sync::{Arc, Mutex};

/// The environment variables of a child: the file, and the ids of the rules that are done.
const FILE: &str = "MAPISYNC_CONFORM_FILE";
const DONE: &str = "MAPISYNC_CONFORM_DONE";

/// The task of a child.
pub struct Task {
    file: PathBuf,
    done: String,
}

/// The exported function, as `mapisync.h` declares it.
type Create = unsafe extern "system" fn(*const GUID, *mut *mut c_void) -> HRESULT;

impl Task {
    pub fn new(file: &Path, done: &[&str]) -> Task {
        Task { file: file.into(), done: done.join(",") }
    }

    /// Returns the task of this process, if it is a child.
    pub fn of_this_process() -> Option<Task> {
        let file = std::env::var_os(FILE)?;
        let done = std::env::var_os(DONE).unwrap_or_default();
        Some(Task { file: file.into(), done: done.into_string().unwrap_or_default() })
    }

    /// Returns the command that starts a child with this task.
    pub fn command(&self, arguments: impl Iterator<Item = OsString>) -> std::io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments).env(FILE, &self.file).env(DONE, &self.done);
        Ok(command)
    }

    /// Does the task, and ends the process.
    pub fn run(&self, arguments: &Arguments) -> ! {
        let file = File::options().append(true).open(&self.file);
        let file = file.expect("the parent has created the file");
        let log = Log(Arc::new(Mutex::new(file)));
        let result = self.check(arguments, &log);
        match result {
            Ok(()) => log.write("{\"end\":true}"),
            Err(error) => log.write(&serde_json::json!({ "error": error }).to_string()),
        }
        // A run that hangs may still use the library.
        std::process::exit(0)
    }

    fn check(&self, arguments: &Arguments, log: &Log) -> Result<(), String> {
        // The system would look for a name without a folder in its own folders.
        let path = std::path::absolute(&arguments.library);
        let path = path.map_err(|error| format!("it cannot be loaded: {error}"))?;
        // SAFETY: the initializers of the library run. The user wants the library to be executed.
        let library = unsafe { Library::new(path) };
        // A thread of the store may run the library's code until the process ends.
        let library =
            ManuallyDrop::new(library.map_err(|error| format!("it cannot be loaded: {error}"))?);
        let symbol = &arguments.symbol;
        let create = create(&library, symbol);
        let create = create.map_err(|error| format!("it does not export {symbol}: {error}"))?;
        let mut out = ptr::null_mut();
        // SAFETY: the IID and the out parameter are valid during the call.
        let code = unsafe { create(&IID_IMAPISync, &mut out) };
        if code.is_err() {
            return Err(format!("{symbol} for IMAPISync returned {code}"));
        }
        // SAFETY: the function has succeeded, so the pointer is NULL or the store's IMAPISync with a
        // reference. MAPI's objects are free-threaded, and a provider does not unwind into its
        // caller.
        let store = unsafe { ComPtr::<IMAPISync>::from_raw(out.cast()) };
        let store = store.ok_or_else(|| format!("{symbol} returned {code} and stored NULL"))?;
        self.conformance(arguments, log).check_provider(&store);
        drop(store);
        Ok(())
    }

    fn conformance(&self, arguments: &Arguments, log: &Log) -> Conformance {
        let (rows, starts) = (log.clone(), log.clone());
        let conformance = Conformance::new()
            .timeout(arguments.timeout)
            .cancel_within(arguments.cancel_within)
            .session(session())
            .alone_in_process()
            .on_start(move |rules| {
                let ids: Vec<_> = rules.iter().map(|rule| rule.id).collect();
                starts.write(&serde_json::json!({ "start": ids }).to_string());
            })
            .on_row(move |row: &Row| rows.write(&row.to_json()));
        let conformance = arguments.iids.iter().fold(conformance, |all, iid| all.iid(*iid));
        let done = self.done.split(',');
        let conformance = done.fold(conformance, |all, id| all.skip(id));
        // SAFETY: the contract demands a defined behavior. The parent reports it if this process
        // crashes, and nothing else depends on this process.
        unsafe { conformance.null_arguments() }
    }
}

/// Finds the exported function.
fn create(library: &Library, symbol: &str) -> Result<Create, libloading::Error> {
    // Compilers for 32-bit Windows export a function of this type with a decorated name, unless a
    // `.def` file says otherwise: those of mingw with the first one, Microsoft's with the second.
    let decorated = [format!("{symbol}@8"), format!("_{symbol}@8")];
    let is_decorated = cfg!(all(windows, target_arch = "x86"));
    let names = decorated.iter().filter(|_| is_decorated);
    // SAFETY: `mapisync.h` declares the function with this type.
    let get = |name: &str| unsafe { library.get::<Create>(name.as_bytes()) }.map(|found| *found);
    get(symbol).or_else(|error| names.map(|name| get(name)).find_map(Result::ok).ok_or(error))
}

/// The file. It keeps what is written if the process crashes.
#[derive(Clone)]
struct Log(Arc<Mutex<File>>);

impl Log {
    fn write(&self, line: &str) {
        let mut file = self.0.lock().unwrap();
        file.write_all(format!("{line}\n").as_bytes()).expect("the file can be written");
    }
}
