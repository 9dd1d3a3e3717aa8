//! The dialog: shows what the store reports, and answers its Progress.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use mapisync::{HRESULT, MapiSyncProgressCallback, Result, U16CStr};
use std::fmt::Write;
use std::io::{IsTerminal, stdout};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How the store's calls are shown.
enum Show {
    /// Only what goes wrong.
    Quiet,
    /// A line for each step, for files and pipes.
    Lines,
    /// A bar in the terminal.
    Bar(ProgressBar),
}

/// Outlook's Send/Receive dialog. The store calls it from its own thread, through the vtable.
pub struct Dialog {
    show: Show,
    started: Instant,
    cancel: AtomicBool,
    seen: Mutex<Seen>,
    progress_calls: AtomicU64,
    error_calls: AtomicU64,
    done_calls: AtomicU64,
}

/// The last that the store has reported.
#[derive(Default)]
struct Seen {
    /// The last step or warning: at the end of a run, the store's own account of it.
    text: String,
    index: u32,
    max: u32,
}

impl Dialog {
    pub fn new(quiet: bool) -> Dialog {
        let show = if quiet {
            Show::Quiet
        } else if stdout().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stdout());
            let style = ProgressStyle::with_template("{wide_msg}\n{wide_bar} {pos}/{len} {rate}");
            let rate = |state: &ProgressState, out: &mut dyn Write| {
                let _ = write!(out, "{:.0}/s", state.per_sec());
            };
            bar.set_style(
                style
                    .expect("the template is well-formed")
                    .with_key("rate", rate),
            );
            Show::Bar(bar)
        } else {
            Show::Lines
        };
        Dialog {
            show,
            started: Instant::now(),
            cancel: AtomicBool::new(false),
            seen: Mutex::default(),
            progress_calls: AtomicU64::new(0),
            error_calls: AtomicU64::new(0),
            done_calls: AtomicU64::new(0),
        }
    }

    /// Asks for the run to be cancelled, and answers whether that was asked before.
    pub fn cancel(&self) -> bool {
        self.cancel.swap(true, Relaxed)
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancel.load(Relaxed)
    }

    /// Prints what the run came to, after it has ended.
    pub fn summary(&self, status: HRESULT) {
        if matches!(self.show, Show::Quiet) {
            return;
        }
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (progress, error, done) = (
            self.progress_calls.load(Relaxed),
            self.error_calls.load(Relaxed),
            self.done_calls.load(Relaxed),
        );
        println!("Status    {status}");
        println!("Messages  {} of {}", seen.index, seen.max);
        println!("Store     {}", seen.text);
        println!("Time      {:.2} s", self.started.elapsed().as_secs_f64());
        println!(
            "Calls     {}: 1 SynchronizeInBackground, {progress} Progress, {error} Error, {done} Done",
            1 + progress + error + done
        );
    }
}

impl MapiSyncProgressCallback for Dialog {
    fn progress(&self, step: Option<&U16CStr>, index: u32, max: u32) -> Result<()> {
        self.progress_calls.fetch_add(1, Relaxed);
        if self.is_cancelled() {
            // This answer is how a host cancels: the store ends the run with it.
            return Err(HRESULT::MAPI_E_USER_CANCEL.into());
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.index, seen.max) = (index, max);
        if let Some(step) = step
            .map(U16CStr::to_string_lossy)
            .filter(|step| *step != seen.text)
        {
            match &self.show {
                Show::Quiet => {}
                Show::Lines => println!("{step}"),
                Show::Bar(bar) => bar.set_message(step.clone()),
            }
            seen.text = step;
        }
        if let Show::Bar(bar) = &self.show {
            bar.set_length(max.into());
            bar.set_position(index.into());
        }
        Ok(())
    }

    fn error(&self, code: HRESULT, message: Option<&U16CStr>) -> Result<()> {
        self.error_calls.fetch_add(1, Relaxed);
        let message = message.map(U16CStr::to_string_lossy).unwrap_or_default();
        let print = || eprintln!("{code}: {message}");
        match &self.show {
            Show::Bar(bar) => bar.suspend(print), // the line goes above the bar
            _ => print(),
        }
        if code.is_ok() {
            self.seen
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .text = message;
        }
        Ok(())
    }

    fn done(&self, _: HRESULT) -> Result<()> {
        self.done_calls.fetch_add(1, Relaxed);
        if let Show::Bar(bar) = &self.show {
            bar.finish_and_clear();
        }
        Ok(())
    }
}
