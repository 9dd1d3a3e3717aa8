//! The dialog: shows what a store reports, and answers its Progress.
//!
//! A store announces its steps by a text, a position and a maximum, and goes through them one after the other. Each step
//! is shown as a bar; the total is their sum.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use mapisync::{HRESULT, MapiSyncProgressCallback, Result};
use std::collections::HashMap;
use std::fmt::Debug;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Prints a line. Output that nobody reads any more is no reason to stop synchronising.
macro_rules! say {
    ($($arguments:tt)*) => {{
        let _ = writeln!(std::io::stdout(), $($arguments)*);
    }};
}
pub(crate) use say;

/// How calls are shown.
#[derive(Clone, Copy, PartialEq)]
pub enum Show {
    /// Only what goes wrong.
    Quiet,
    /// A bar for each step, or in a file or a pipe a line.
    Steps,
    /// Every call across the boundary.
    Calls,
}

/// What all dialogs of the program share: the terminal, and whether the user wants to stop.
pub struct Screen {
    show: Show,
    /// `None` where there is no terminal to draw in.
    bars: Option<MultiProgress>,
    cancel: AtomicBool,
}

impl Screen {
    pub fn new(show: Show) -> Arc<Screen> {
        let draw = show == Show::Steps && stdout().is_terminal();
        let bars = draw.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stdout()));
        Arc::new(Screen {
            show,
            bars,
            cancel: AtomicBool::new(false),
        })
    }

    /// Asks for all runs to be cancelled, and answers whether that was asked before.
    pub fn cancel(&self) -> bool {
        self.cancel.swap(true, Relaxed)
    }

    pub fn is_canceled(&self) -> bool {
        self.cancel.load(Relaxed)
    }

    /// Prints an error line: above the bars, not through them.
    pub fn error(&self, line: &str) {
        match &self.bars {
            // It goes to the same terminal, so it may as well go where the bars know of it.
            Some(bars) if stderr().is_terminal() => drop(bars.println(line)),
            _ => eprintln!("{line}"),
        }
    }

    /// A call across the boundary and its answer, for those who want to see them.
    pub fn call(&self, name: &str, call: impl Debug, answer: HRESULT) {
        if self.show == Show::Calls {
            say!("{name}{call:?} → {answer}");
        }
    }

    /// A bar above the one given, or else below all, for a total.
    fn bar(&self, below: Option<&ProgressBar>, text: &str) -> Option<ProgressBar> {
        let bars = self.bars.as_ref()?;
        let bar = below.map_or_else(
            || bars.add(ProgressBar::no_length()),
            |below| bars.insert_before(below, ProgressBar::no_length()),
        );
        let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = write!(out, "{:.0}/s", state.per_sec());
        };
        let style = match below {
            Some(_) => ProgressStyle::with_template("{wide_msg} {bar:8} {pos:>5}/{len:<5}"),
            None => ProgressStyle::with_template("{wide_msg} {rate} {bar:8} {pos:>5}/{len:<5}"),
        };
        bar.set_style(
            style
                .expect("the templates are well-formed")
                .with_key("rate", rate),
        );
        bar.set_message(text.to_owned());
        Some(bar)
    }
}

/// Outlook's Send/Receive dialog for one run. The store calls it from its own thread, through the vtable.
pub struct Dialog {
    screen: Arc<Screen>,
    /// Which store it is, where there are several.
    name: String,
    started: Instant,
    seen: Mutex<Seen>,
    progress_calls: AtomicU64,
    error_calls: AtomicU64,
    done_calls: AtomicU64,
}

/// What the store has reported.
#[derive(Default)]
struct Seen {
    /// The last text of a step or a warning: at the end of a run, the store's own account of it.
    text: String,
    /// The step that positions without a text belong to.
    step: String,
    steps: HashMap<String, Step>,
    total: Option<ProgressBar>,
}

#[derive(Default)]
struct Step {
    index: u64,
    max: u64,
    bar: Option<ProgressBar>,
}

impl Dialog {
    pub fn new(screen: &Arc<Screen>, name: String) -> Dialog {
        Dialog {
            screen: screen.clone(),
            name,
            started: Instant::now(),
            seen: Mutex::default(),
            progress_calls: AtomicU64::new(0),
            error_calls: AtomicU64::new(0),
            done_calls: AtomicU64::new(0),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `Inbox` as `Anna: Inbox`.
    fn named(&self, text: &str) -> String {
        if self.name.is_empty() {
            text.into()
        } else {
            format!("{}: {text}", self.name)
        }
    }

    /// Notes the position of the present step, and shows it with what it makes of the whole.
    fn position(&self, seen: &mut Seen, index: u64, max: u64) {
        let first = !seen.steps.contains_key(&seen.step);
        let step = seen.steps.entry(seen.step.clone()).or_default();
        let (old_index, old_max) = (step.index, step.max);
        if max > 0 {
            (step.index, step.max) = (index, max);
        }
        if self.screen.show != Show::Steps {
            return;
        }
        let named = self.named(&seen.step);
        if max == 0 {
            // A step without a position, such as looking for folders, is said once.
            if first && self.screen.bars.is_none() {
                say!("{named}");
            }
            return;
        }
        let total = seen.total.get_or_insert_with(|| {
            self.screen
                .bar(None, &self.named("Total"))
                .unwrap_or_else(ProgressBar::hidden)
        });
        if index > 0 && index < max && step.bar.is_none() {
            step.bar = self.screen.bar(Some(total), &named);
        }
        if let Some(bar) = &step.bar {
            bar.set_length(max);
            bar.set_position(index);
        }
        if index >= max && old_index < max {
            // A step that is done is a line above the bars, which stays there.
            if let Some(bar) = step.bar.take() {
                bar.finish_and_clear();
            }
            let line = format!("{named}: {index} of {max}");
            match &self.screen.bars {
                Some(bars) => drop(bars.println(line)),
                None => say!("{line}"),
            }
        }
        // The whole moves by what the step has moved.
        total.set_length((total.length().unwrap_or(0) + max).saturating_sub(old_max));
        total.set_position((total.position() + index).saturating_sub(old_index));
    }

    /// Prints what the run came to, after it has ended.
    pub fn summary(&self, status: HRESULT) {
        if self.screen.show == Show::Quiet {
            return;
        }
        let seen = self.seen();
        let sum = |part: fn(&Step) -> u64| seen.steps.values().map(part).sum::<u64>();
        let calls = [&self.progress_calls, &self.error_calls, &self.done_calls];
        let [progress, error, done] = calls.map(|calls| calls.load(Relaxed));
        if !self.name.is_empty() {
            say!("{}", self.name);
        }
        say!("Status    {status}");
        say!(
            "Messages  {} of {}",
            sum(|step| step.index),
            sum(|step| step.max)
        );
        say!("Store     {}", seen.text);
        say!("Time      {:.2} s", self.started.elapsed().as_secs_f64());
        say!(
            "Calls     {}: 1 SynchronizeInBackground, {progress} Progress, {error} Error, {done} Done",
            1 + progress + error + done
        );
    }
}

impl MapiSyncProgressCallback for Dialog {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.progress_calls.fetch_add(1, Relaxed);
        // The answer is how a host cancels: the store ends the run with it.
        let answer = if self.screen.is_canceled() {
            HRESULT::MAPI_E_USER_CANCEL
        } else {
            HRESULT::S_OK
        };
        self.screen
            .call(&self.named("Progress"), (&step, index, max), answer);
        let mut seen = self.seen();
        if let Some(step) = step {
            (seen.text, seen.step) = (step.into(), step.into());
        }
        self.position(&mut seen, index.into(), max.into());
        answer.ok().map(drop)
    }

    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        self.error_calls.fetch_add(1, Relaxed);
        let message = message.unwrap_or_default();
        self.screen
            .call(&self.named("Error"), (code, &message), HRESULT::S_OK);
        self.screen
            .error(&self.named(&format!("{code}: {message}")));
        if code.is_ok() {
            self.seen().text = message.into();
        }
        Ok(())
    }

    fn done(&self, status: HRESULT) -> Result<()> {
        self.done_calls.fetch_add(1, Relaxed);
        self.screen
            .call(&self.named("Done"), (status,), HRESULT::S_OK);
        let mut seen = self.seen();
        let running = seen.steps.values_mut().filter_map(|step| step.bar.take());
        running.for_each(|bar| bar.finish_and_clear());
        if let Some(total) = seen.total.take() {
            total.finish_and_clear();
        }
        Ok(())
    }
}
