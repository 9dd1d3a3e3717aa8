//! A host that awaits the runs of the async store: many at once, and runs that either side cancels.
//! It also awaits the runs of stores that never end them.

use async_store::{Server, Store, finish};
use mapisync::abi::IMAPISync;
use mapisync::testing::{Call, Recorder, ScriptedProvider, reference_count};
use mapisync::{ComPtr, HRESULT, Result, SyncFlags, SyncHost, SyncRun};
use std::future::IntoFuture;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::block_in_place;
use tokio::time::{sleep, timeout};

const RUNS: usize = 2_000;
const FLAGS: SyncFlags = SyncFlags::DOWNLOAD_CONTENTS;
/// A limit that no test reaches.
const LONG: Duration = Duration::from_secs(60);
/// The limit for something that never happens.
const SHORT: Duration = Duration::from_millis(50);

/// Makes a store on a runtime.
fn store(runtime: &Handle, server: &Server) -> (Arc<Store>, ComPtr<IMAPISync>) {
    let store = Arc::new(Store::new(runtime.clone(), server.clone()));
    let sync = ComPtr::<IMAPISync>::new(store.clone());
    (store, sync)
}

/// Makes a server that sends no message until it continues.
fn paused_server(messages: u64) -> Server {
    let server = Server::new(messages, Duration::ZERO);
    server.set_paused(true);
    server
}

/// Returns how many runs may be in progress at once. Each has three descriptors, and one more while
/// a thread waits for its event.
fn runs_at_once() -> usize {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        let _ = setrlimit(Resource::Nofile, limit); // macOS accepts no unlimited number
        let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let runs = usize::try_from(descriptors / 4).unwrap_or(RUNS);
        runs.saturating_sub(25).clamp(1, RUNS)
    }
    #[cfg(not(unix))]
    RUNS
}

/// Waits until the runtime has no task.
async fn no_tasks_are_left(runtime: &Handle) {
    let tasks = || runtime.metrics().num_alive_tasks();
    let none = async {
        while tasks() != 0 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(timeout(LONG, none).await.is_ok(), "{} tasks", tasks());
}

#[test]
fn two_thousand_runs_are_awaited() {
    let [host, provider] = [(); 2].map(|()| Runtime::new().unwrap());
    // A store on the host's runtime often signals its event before the woken task runs, and a store
    // on its own runtime often does not.
    for provider in [host.handle(), provider.handle()] {
        let mut left = RUNS;
        while left > 0 {
            let count = left.min(runs_at_once());
            host.block_on(await_runs(count, provider));
            left -= count;
        }
    }
}

/// Awaits runs that are in progress at the same time.
async fn await_runs(count: usize, provider: &Handle) {
    let server = paused_server(3);
    let stores: Vec<_> = (0..count).map(|_| store(provider, &server)).collect();
    let dialog = Recorder::new();
    let host = SyncHost::new(dialog.clone());
    let runs = stores.iter().map(|(_, sync)| host.start(sync, FLAGS));
    let runs: Vec<SyncRun> = runs.collect::<Result<_>>().unwrap();
    assert!(runs.iter().all(|run| run.status().is_none()));

    // The tasks have no timers, which would wake them, too.
    let runs = runs.into_iter().map(|run| tokio::spawn(run.into_future()));
    let runs: Vec<_> = runs.collect();
    server.set_paused(false);
    for run in runs {
        let status = timeout(LONG, run).await.expect("the task is woken");
        assert_eq!(status.unwrap().unwrap(), HRESULT::S_OK);
    }

    let calls = dialog.calls();
    for expected in [Call::position(3, 3), Call::done(HRESULT::S_OK)] {
        let times = calls.iter().filter(|call| **call == expected).count();
        assert_eq!(times, count, "{expected:?}");
    }
    for (store, sync) in &stores {
        assert_eq!((Arc::strong_count(store), reference_count(sync)), (2, 1));
    }
    no_tasks_are_left(&Handle::current()).await;
    no_tasks_are_left(provider).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_task_that_done_wakes_finds_the_status() {
    let (_store, sync) = store(&Handle::current(), &Server::new(0, Duration::ZERO));
    let mut too_early = 0;
    for _ in 0..RUNS {
        let (sender, woken) = oneshot::channel();
        let sender = Mutex::new(Some(sender));
        let dialog = Recorder::new().on_call(move |call| {
            if matches!(call, Call::Done(_)) {
                sender.lock().unwrap().take().unwrap().send(()).unwrap();
            }
        });
        let run = SyncHost::new(dialog).start(&sync, FLAGS).unwrap();
        timeout(LONG, woken).await.unwrap().unwrap();
        too_early += usize::from(run.status() != Some(HRESULT::S_OK));
        // The store accepts the next run from `Done` on, so this one need not be awaited.
    }
    assert_eq!(too_early, 0);
    no_tasks_are_left(&Handle::current()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_side_cancels_a_run_that_waits_for_the_server() {
    /// The side or the limit that cancels the run.
    #[derive(Debug, PartialEq)]
    enum By {
        Host,
        Limit,
        Store,
    }
    for by in [By::Host, By::Limit, By::Store] {
        let (store, sync) = store(&Handle::current(), &paused_server(3));
        let dialog = Recorder::new();
        let run = SyncHost::new(dialog.clone()).start(&sync, FLAGS).unwrap();
        while dialog.calls().len() < 2 {
            sleep(Duration::from_millis(1)).await; // until it has received the number of messages
        }
        match by {
            By::Host => run.cancel(),
            By::Limit => {}
            By::Store => assert!(block_in_place(|| store.log_off(LONG))),
        }
        let limit = if by == By::Limit { SHORT } else { LONG };
        let status = finish(run, limit, LONG).await.unwrap();
        assert_eq!(status, HRESULT::MAPI_E_USER_CANCEL, "{by:?}");
        assert_eq!((Arc::strong_count(&store), reference_count(&sync)), (2, 1));
        no_tasks_are_left(&Handle::current()).await; // the connection is closed, too
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_has_one_run_at_a_time_and_none_after_logoff() {
    let server = paused_server(1);
    let (store, sync) = store(&Handle::current(), &server);
    let host = SyncHost::new(Recorder::new());
    let refusal = || host.start(&sync, FLAGS).unwrap_err().hresult();
    for _ in 0..100 {
        server.set_paused(true);
        let run = host.start(&sync, FLAGS).unwrap();
        assert_eq!(refusal(), HRESULT::MAPI_E_BUSY);
        server.set_paused(false);
        assert_eq!(finish(run, LONG, LONG).await.unwrap(), HRESULT::S_OK);
    }
    assert!(block_in_place(|| store.log_off(LONG)));
    assert_eq!(refusal(), HRESULT::MAPI_E_OFFLINE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_never_ends_is_awaited_with_a_timeout() {
    let provider = ScriptedProvider::new;
    let cases =
        [(provider().never_done(), None), (provider().never_signaled(), Some(HRESULT::S_OK))];
    for (provider, status) in cases {
        let dialog = Recorder::new();
        let host = SyncHost::new(dialog.clone());
        let run = host.start(&provider.to_com(), FLAGS).unwrap();
        assert_eq!(dialog.wait_done(if status.is_some() { LONG } else { SHORT }), status);
        assert!(timeout(SHORT, &run).await.is_err());
        assert_eq!(run.status(), status);
        let error = finish(run, SHORT, SHORT).await.unwrap_err();
        assert_eq!(error.hresult(), HRESULT::MAPI_E_TIMEOUT);
    }
}

#[test]
fn the_program_ends_with_the_status_of_its_run() {
    for (seconds, status) in [("60", "S_OK"), ("0", "MAPI_E_USER_CANCEL")] {
        let program =
            Command::new(env!("CARGO_BIN_EXE_async_store")).arg(seconds).output().unwrap();
        let output = String::from_utf8(program.stdout).unwrap();
        assert!(output.contains(&format!("Status    {status} ")), "{output}");
    }
}
