//! The spans and events of runs, as a subscriber sees them.
//!
//! Runs have threads of their own, so the subscriber is that of the whole process. Each test has a
//! root span, by whose name its records are found.

use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback};
use mapisync::testing::{Method, Recorder};
use mapisync::{ComPtr, Error, HRESULT, JobHandle, Result, SyncFlags, SyncHost, SyncJob, host};
use std::fmt::{Debug, Write};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Once};
use std::thread;
use test_support::{TIMEOUT, store};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

const FLAGS: SyncFlags = SyncFlags::DOWNLOAD_CONTENTS;
/// The flags of runs that are started while another one is in progress.
const NESTED: SyncFlags = SyncFlags::BACKGROUND;

/// A function of a test that the subscriber calls in each of its methods, with the method and the
/// target of the span or the line of the event.
type Hook = Arc<dyn Fn(&'static str, &str) + Send + Sync>;

/// The records of all tests, with the name of the test's root span.
static RECORDS: Mutex<Vec<(&str, String)>> = Mutex::new(vec![]);
static HOOKS: Mutex<Vec<(&str, Hook)>> = Mutex::new(vec![]);

struct Collector;

/// The fields of a span or an event, each as ` name=value`. Of a duration only the name is kept.
#[derive(Clone, Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = match field.name() {
            "duration" => write!(self.0, " duration"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

impl Collector {
    /// Calls the hook of the test to which the span belongs, but not for its root span.
    fn hook<S: Subscriber + for<'a> LookupSpan<'a>>(
        &self,
        name: &'static str,
        id: &Id,
        context: &Context<'_, S>,
    ) {
        let root = context.span_scope(id).and_then(|scope| scope.last());
        if let Some(root) = root.filter(|root| root.id() != *id) {
            let target = context.metadata(id).unwrap().target();
            call_hook(root.name(), name, target);
        }
    }
}

/// Calls the hook of a test. No lock is held.
fn call_hook(test: &str, name: &'static str, line: &str) {
    let hooks = HOOKS.lock().unwrap();
    let hook = hooks.iter().find(|(name, _)| *name == test).map(|(_, hook)| hook.clone());
    drop(hooks);
    if let Some(hook) = hook {
        hook(name, line);
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collector {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        context.span(id).unwrap().extensions_mut().insert(fields);
        self.hook("new_span", id, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(scope) = context.event_scope(event) else {
            return;
        };
        let mut spans = scope.from_root();
        let test = spans.next().unwrap().name();
        let mut line = format!("{} {}", event.metadata().level(), event.metadata().target());
        for span in spans {
            let fields = span.extensions().get::<Fields>().cloned().unwrap();
            let _ = write!(line, " {}({}{})", span.name(), span.metadata().target(), fields.0);
        }
        line += ":";
        let mut fields = Fields(line);
        event.record(&mut fields);
        RECORDS.lock().unwrap().push((test, fields.0.clone()));
        call_hook(test, "event", &fields.0);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.hook("enter", id, &context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.hook("exit", id, &context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        if let Some(root) = span.scope().last().filter(|root| root.id() != id) {
            let line = format!("closed {}", span.metadata().target());
            RECORDS.lock().unwrap().push((root.name(), line));
        }
        self.hook("close", &id, &context);
    }
}

/// Runs a test within its root span, `test`, and returns its records in the order in which they
/// were made. Calls of `SynchronizeInBackground` are returned apart, because their threads make no
/// other records and end at any time.
macro_rules! traced {
    ($test:literal, $hook:expr, $run:expr) => {{
        HOOKS.lock().unwrap().push(($test, $hook));
        install();
        let span = tracing::info_span!($test);
        span.in_scope($run);
        records($test)
    }};
    ($test:literal, $run:expr) => {
        traced!($test, Arc::new(|_, _| {}), $run)
    };
}

fn install() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(Collector);
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

/// The records of a test, and those of `SynchronizeInBackground`.
fn records(test: &str) -> (Vec<String>, Vec<String>) {
    let records = RECORDS.lock().unwrap();
    let own = records.iter().filter(|(name, _)| *name == test);
    let lines = own.map(|(_, line)| line.clone());
    lines.partition(|line| !line.contains("SynchronizeInBackground"))
}

/// The scope of an event on the host's side, and of one in a run that this host has started.
const HOST: &str = "run(mapisync::host flags=SyncFlags(DOWNLOAD_CONTENTS))";
const BOTH: &str = "run(mapisync::host flags=SyncFlags(DOWNLOAD_CONTENTS)) \
                    run(mapisync::provider flags=SyncFlags(DOWNLOAD_CONTENTS))";

/// The two events of one call of the callback: the host's, which is made first, and the store's.
fn call_of_store(level: &str, fields: &str, result: HRESULT) -> [String; 2] {
    [("host", HOST, "incoming"), ("provider", BOTH, "outgoing")].map(|(side, scope, direction)| {
        format!("{level} mapisync::{side} {scope}: {fields} direction={direction} result={result} duration")
    })
}

/// The two events of `SynchronizeInBackground`: the store's, which is made first, and the host's.
fn call_of_host(result: HRESULT) -> [String; 2] {
    [("provider", BOTH, "incoming"), ("host", HOST, "outgoing")].map(|(side, scope, direction)| {
        format!("DEBUG mapisync::{side} {scope}: method=SynchronizeInBackground flags={FLAGS:?} direction={direction} result={result} duration")
    })
}

fn progress(arguments: &str, result: HRESULT) -> [String; 2] {
    call_of_store("TRACE", &format!("method=Progress {arguments}"), result)
}

fn error(code: HRESULT, message: &str) -> [String; 2] {
    let fields = format!("message={message} method=Error code={code}");
    call_of_store("DEBUG", &fields, HRESULT::S_OK)
}

fn done(status: HRESULT) -> [String; 2] {
    let fields = format!("method=Done status={status}");
    call_of_store("DEBUG", &fields, HRESULT::S_OK)
}

/// At the end of a run both spans are closed.
fn closed() -> [String; 2] {
    ["closed mapisync::provider".into(), "closed mapisync::host".into()]
}

/// A store whose runs call `work`.
fn worker(
    work: impl Fn(&SyncJob) -> Result<()> + Copy + Send + Sync + 'static,
) -> ComPtr<IMAPISync> {
    store(move |request| request.spawn(move |job| work(job)))
}

/// Does a run, and returns its status. `Done` must be called once.
fn run(sync: &ComPtr<IMAPISync>, recorder: &Recorder, flags: SyncFlags) -> HRESULT {
    let before = count_of_done(recorder);
    let run = SyncHost::new(recorder.clone()).start(sync, flags).unwrap();
    let status = run.wait(TIMEOUT).unwrap();
    assert_eq!(count_of_done(recorder) - before, 1);
    status
}

fn count_of_done(recorder: &Recorder) -> usize {
    recorder.calls().iter().filter(|call| call.method() == Method::Done).count()
}

#[test]
fn each_call_has_an_event_on_either_side_within_the_span_of_its_run() {
    let handles = Arc::new(Mutex::new(Vec::<JobHandle>::new()));
    let sync = store({
        let handles = handles.clone();
        move |request| {
            let handle = request.spawn_with_handle(|job| {
                tracing::info!(target: "store", "connected");
                job.progress(Some("Receiving «Inbox»"), 0, 2)?;
                job.position(2, 2)?;
                job.error(HRESULT::MAPI_W_PARTIAL_COMPLETION, "«Drafts» is left out");
                Ok(HRESULT::MAPI_W_PARTIAL_COMPLETION)
            })?;
            handles.lock().unwrap().push(handle); // a handle does not keep the span open
            Ok(())
        }
    });
    let (records, starts) = traced!("complete", || {
        assert_eq!(run(&sync, &Recorder::new(), FLAGS), HRESULT::MAPI_W_PARTIAL_COMPLETION);
    });
    let expected = [
        vec![format!("INFO store {BOTH}: message=connected")],
        progress("step=Receiving «Inbox» index=0 max=2", HRESULT::S_OK).into(),
        progress("index=2 max=2", HRESULT::S_OK).into(),
        error(HRESULT::MAPI_W_PARTIAL_COMPLETION, "«Drafts» is left out").into(),
        done(HRESULT::MAPI_W_PARTIAL_COMPLETION).into(),
        closed().into(),
    ];
    assert_eq!(records, expected.concat());
    assert_eq!(starts, call_of_host(HRESULT::S_OK));
}

#[test]
fn a_forwarded_call_has_an_event_too() {
    let sync = worker(|job| {
        job.progress(Some("Receiving «Inbox»"), 0, 2)?;
        job.error(HRESULT::MAPI_W_PARTIAL_COMPLETION, "«Drafts» is left out");
        Ok(())
    });
    let (records, starts) = traced!("forwarded", || {
        let dialog = ComPtr::<IMAPISyncProgressCallback>::new(Recorder::new());
        let run = SyncHost::forwarding_to(dialog).start(&sync, FLAGS).unwrap();
        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    });
    // The dialog is an object of this crate, so its events come first.
    let twice = |[host, provider]: [String; 2]| [host.clone(), host, provider];
    let expected = [
        twice(progress("step=Receiving «Inbox» index=0 max=2", HRESULT::S_OK)).to_vec(),
        twice(error(HRESULT::MAPI_W_PARTIAL_COMPLETION, "«Drafts» is left out")).to_vec(),
        twice(done(HRESULT::S_OK)).to_vec(),
        closed().into(),
    ];
    assert_eq!(records, expected.concat());
    assert_eq!(starts, call_of_host(HRESULT::S_OK));
}

#[test]
fn a_failing_store_shows_its_codes() {
    let sync = worker(|_| Err(Error::new(HRESULT::MAPI_E_NETWORK_ERROR, "no route")));
    let (records, _) = traced!("fails", || {
        assert_eq!(run(&sync, &Recorder::new(), FLAGS), HRESULT::MAPI_E_NETWORK_ERROR);
    });
    let code = HRESULT::MAPI_E_NETWORK_ERROR;
    let expected = [error(code, "no route"), done(code), closed()];
    assert_eq!(records, expected.concat());

    let sync = store(|_| Err(HRESULT::MAPI_E_BUSY.into()));
    let (records, starts) = traced!("refuses", || {
        let refused = SyncHost::new(Recorder::new()).start(&sync, FLAGS);
        assert_eq!(refused.unwrap_err().hresult(), HRESULT::MAPI_E_BUSY);
    });
    assert_eq!(records, closed());
    assert_eq!(starts, call_of_host(HRESULT::MAPI_E_BUSY));
}

#[test]
fn a_call_outside_of_a_run_has_no_span() {
    let (records, starts) = traced!("alone", || {
        // SAFETY: NULL is allowed.
        let code = unsafe { store(|_| Ok(())).synchronize_in_background(ptr::null_mut()) };
        assert_eq!(code, HRESULT::E_POINTER);
        // SAFETY: NULL is allowed.
        let code = unsafe { host::dispatch_progress(&Recorder::new(), ptr::null(), 1, 2) };
        assert_eq!(code, HRESULT::S_OK);
        let callback = ComPtr::<IMAPISyncProgressCallback>::new(Recorder::new());
        assert_eq!(callback.progress(None, 2, 2), HRESULT::S_OK);
    });
    let line = |side, direction, index| {
        format!(
            "TRACE mapisync::{side}: method=Progress index={index} max=2 direction={direction} result=S_OK (0x00000000) duration"
        )
    };
    let expected =
        [line("host", "incoming", 1), line("host", "incoming", 2), line("provider", "outgoing", 2)];
    assert_eq!(records, expected);
    let line = |side, direction| {
        format!(
            "DEBUG mapisync::{side}: method=SynchronizeInBackground direction={direction} result=E_POINTER (0x80004003) duration"
        )
    };
    assert_eq!(starts, [line("provider", "incoming"), line("host", "outgoing")]);
}

#[test]
fn a_cancellation_or_a_panic_of_the_host_shows_its_code() {
    let sync = worker(|job| job.position(1, 2));
    let code = HRESULT::MAPI_E_USER_CANCEL;
    let (records, _) = traced!("canceled", || {
        assert_eq!(run(&sync, &Recorder::new().cancel_at(0), FLAGS), code);
    });
    let expected = [progress("index=1 max=2", code), done(code), closed()];
    assert_eq!(records, expected.concat());

    let code = HRESULT::E_UNEXPECTED;
    let (records, _) = traced!("host panics", || {
        assert_eq!(run(&sync, &Recorder::new().panics_in(Method::Progress), FLAGS), code);
    });
    assert_eq!(records[..2], progress("index=1 max=2", code));
}

#[test]
fn a_job_on_a_thread_of_the_store_reports_in_the_span_of_its_run() {
    let sync = store(|request| {
        let (job, span) = (request.start()?, tracing::Span::current());
        thread::spawn(move || {
            tracing::info!(target: "store", "in no span"); // so it is not recorded
            let result = job.position(1, 1);
            span.in_scope(|| tracing::info!(target: "store", "in the span"));
            drop(span);
            job.finish(result);
        });
        Ok(())
    });
    let (records, _) =
        traced!("own thread", || assert_eq!(run(&sync, &Recorder::new(), FLAGS), HRESULT::S_OK));
    let expected = [
        progress("index=1 max=1", HRESULT::S_OK).into(),
        vec![format!("INFO store {BOTH}: message=in the span")],
        done(HRESULT::S_OK).into(),
        closed().into(),
    ];
    assert_eq!(records, expected.concat());
}

#[test]
fn a_subscriber_that_panics_changes_no_run() {
    let reports = worker(|job| {
        job.error(HRESULT::S_FALSE, "a warning");
        job.position(1, 1)
    });
    // This job is dropped by a panic, so the subscriber is called while its thread unwinds.
    let unwinds = store(|request| {
        let job = request.start()?;
        thread::spawn(move || {
            job.position(1, 1).unwrap();
            panic!("a panic of the store");
        });
        Ok(())
    });
    macro_rules! case {
        ($method:literal) => {{
            static PANICS: AtomicU32 = AtomicU32::new(0);
            let hook: Hook = Arc::new(|method, target| {
                // The store's span closes the host's, its parent. A second panic then would be
                // within the subscriber, which nobody can catch.
                if method == $method && (method != "close" || target == "mapisync::provider") {
                    PANICS.fetch_add(1, Relaxed);
                    panic!("a panic of the subscriber");
                }
            });
            traced!($method, hook, || {
                assert_eq!(run(&reports, &Recorder::new(), FLAGS), HRESULT::S_OK);
                assert_eq!(run(&unwinds, &Recorder::new(), FLAGS), HRESULT::E_UNEXPECTED);
            });
            assert!(PANICS.load(Relaxed) >= 2, "at least one in each of two runs");
        }};
    }
    case!("new_span");
    case!("enter");
    case!("exit");
    case!("event");
    case!("close");
}

#[test]
fn a_subscriber_may_start_a_run_within_each_event() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let sync = worker(|job| job.progress(Some("Receiving"), 1, 1));
    let nested = sync.clone();
    let hook: Hook = Arc::new(move |method, line| {
        if method == "event" && !line.contains("BACKGROUND") {
            assert_eq!(run(&nested, &Recorder::new(), NESTED), HRESULT::S_OK);
            RUNS.fetch_add(1, Relaxed);
        }
    });
    traced!("nested", hook, || assert_eq!(run(&sync, &Recorder::new(), FLAGS), HRESULT::S_OK));
    assert_eq!(RUNS.load(Relaxed), 6);
}
