//! The dialog: shows what a store reports, and can cancel the run.
//!
//! A store announces each step with a string, a position and a maximum, and then does one step
//! after the other. Each step is a bar on the screen, and the total is their sum.

use crate::printable::printable;
use crate::status::in_words;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use mapisync::{HRESULT, MapiSyncProgressCallback, Result};
use std::collections::HashMap;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Prints a line. A failure is ignored: the run continues if its output is no longer read.
macro_rules! say {
    ($($arguments:tt)*) => {
        $crate::dialog::print(std::io::stdout(), &format!($($arguments)*))
    };
}
pub(crate) use say;

/// Prints a line to the standard error.
macro_rules! say_error {
    ($($arguments:tt)*) => {
        $crate::dialog::print(std::io::stderr(), &format!($($arguments)*))
    };
}
pub(crate) use say_error;

pub fn print(mut output: impl Write, line: &str) {
    let _ = writeln!(output, "{}", printable(line));
}

/// The part of the calls to show.
#[derive(Clone, Copy, PartialEq)]
pub enum Show {
    /// Errors only.
    Quiet,
    /// A bar for each step, or a line if the output is not a terminal.
    Steps,
    /// The calls across the boundary, which `calls.rs` prints.
    Calls,
}

/// The time that a report takes in a slow dialog.
const MOMENT: Duration = Duration::from_millis(80);

/// The part that all dialogs of the program share: the terminal, and whether the user has canceled.
pub struct Screen {
    show: Show,
    /// Whether each report takes a moment, so that the user can read it.
    is_slow: bool,
    /// `None` if the output is not a terminal, or if bars are not to be shown.
    bars: Option<MultiProgress>,
    is_canceled: AtomicBool,
}

impl Screen {
    pub fn new(show: Show, is_slow: bool) -> Arc<Screen> {
        // A terminal that cannot move the cursor, such as `TERM=dumb`, hides the bars and every
        // line above them.
        let target = ProgressDrawTarget::stdout();
        let draw = show == Show::Steps && stdout().is_terminal() && !target.is_hidden();
        let bars = draw.then(|| MultiProgress::with_draw_target(target));
        Arc::new(Screen { show, is_slow, bars, is_canceled: AtomicBool::new(false) })
    }

    /// Cancels all runs. Returns whether they were canceled already.
    pub fn cancel(&self) -> bool {
        self.is_canceled.swap(true, Relaxed)
    }

    pub fn is_canceled(&self) -> bool {
        self.is_canceled.load(Relaxed)
    }

    /// Prints an error line, above the bars if there are any.
    pub fn error(&self, line: &str) {
        match &self.bars {
            // Standard error is the same terminal, where the bars would overwrite a line.
            Some(bars) if stderr().is_terminal() => drop(bars.println(printable(line))),
            _ => say_error!("{line}"),
        }
    }

    /// Adds the bar of a step above the bar `below`, or the bar of a total below all others.
    fn bar(&self, below: Option<&ProgressBar>, label: &str) -> Option<ProgressBar> {
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
        bar.set_style(style.expect("the templates are well-formed").with_key("rate", rate));
        bar.set_message(printable(label).into_owned());
        Some(bar)
    }
}

/// Outlook's Send/Receive dialog for one run. The store calls it on its own thread, through the
/// vtable.
pub struct Dialog {
    screen: Arc<Screen>,
    /// The name of the store. It is empty if there is only one.
    name: String,
    started: Instant,
    reported: Mutex<Reported>,
    progress_calls: AtomicU64,
    error_calls: AtomicU64,
    done_calls: AtomicU64,
}

/// The store's reports so far.
#[derive(Default)]
struct Reported {
    /// The last step or warning. After the run it is the store's summary.
    message: String,
    /// The current step, to which a position without a step belongs.
    step: String,
    steps: HashMap<String, Step>,
    warnings: u64,
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
            reported: Mutex::default(),
            progress_calls: AtomicU64::new(0),
            error_calls: AtomicU64::new(0),
            done_calls: AtomicU64::new(0),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    fn reported(&self) -> MutexGuard<'_, Reported> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the store's name in front: `Anna: Inbox`.
    fn named(&self, line: &str) -> String {
        if self.name.is_empty() { line.into() } else { format!("{}: {line}", self.name) }
    }

    /// Records the position of the current step, and shows it and the total.
    fn position(&self, reported: &mut Reported, index: u64, max: u64) {
        let first = !reported.steps.contains_key(&reported.step);
        let step = reported.steps.entry(reported.step.clone()).or_default();
        let (old_index, old_max) = (step.index, step.max);
        // A store that cannot measure a step, such as looking for folders, reports it as one unit.
        // One unit is therefore counted when it is completed, unless that is its first report. A
        // maximum of 0 is read as unknown, too: no source defines it.
        let is_unknown = max == 0 || max == 1 && (index == 0 || first);
        if !is_unknown {
            (step.index, step.max) = (index, max);
        }
        if self.screen.show != Show::Steps {
            return;
        }
        let named = self.named(&reported.step);
        if is_unknown {
            // A step without a maximum is printed once.
            if max == 0 && first && self.screen.bars.is_none() {
                say!("{named}");
            }
            return;
        }
        let total = reported.total.get_or_insert_with(|| {
            self.screen.bar(None, &self.named("Total")).unwrap_or_else(ProgressBar::hidden)
        });
        if index > 0 && index < max && step.bar.is_none() {
            step.bar = self.screen.bar(Some(total), &named);
        }
        if let Some(bar) = &step.bar {
            bar.set_length(max);
            bar.set_position(index);
        }
        if index >= max && old_index < max {
            // A completed step becomes a line above the bars and stays there.
            if let Some(bar) = step.bar.take() {
                bar.finish_and_clear();
            }
            let line = format!("{named}: {index} of {max}");
            match &self.screen.bars {
                Some(bars) => drop(bars.println(printable(&line))),
                None => say!("{line}"),
            }
        }
        // The total changes by the same difference as the step.
        total.set_length((total.length().unwrap_or(0) + max).saturating_sub(old_max));
        total.set_position((total.position() + index).saturating_sub(old_index));
    }

    /// Prints the result of the run after its end.
    pub fn summary(&self, status: HRESULT) {
        if self.screen.show == Show::Quiet {
            return;
        }
        let reported = self.reported();
        let sum = |part: fn(&Step) -> u64| reported.steps.values().map(part).sum::<u64>();
        let (done, all) = (sum(|step| step.index), sum(|step| step.max));
        // A store may also warn of folders, whose messages are not counted.
        let left_out = Some(all.saturating_sub(done)).filter(|count| *count >= reported.warnings);
        let calls = [&self.progress_calls, &self.error_calls, &self.done_calls];
        let [progress, error, done_calls] = calls.map(|calls| calls.load(Relaxed));
        if !self.name.is_empty() {
            say!("{}", self.name);
        }
        say!("Status    {}", in_words(status, left_out));
        say!("Messages  {done} of {all}");
        let is_canceled = status.is_err() && self.screen.is_canceled();
        if !is_canceled && !reported.message.is_empty() {
            say!("Store     {}", reported.message);
        }
        say!("Time      {:.2} s", self.started.elapsed().as_secs_f64());
        say!(
            "Calls     {}: 1 SynchronizeInBackground, {progress} Progress, {error} Error, {done_calls} Done",
            1 + progress + error + done_calls
        );
        if is_canceled {
            say!("Canceled: {}", reported.message);
        }
    }
}

impl MapiSyncProgressCallback for Dialog {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.progress_calls.fetch_add(1, Relaxed);
        // A host cancels a run by returning this failure. The store then ends the run with its
        // code.
        let is_canceled = || self.screen.is_canceled();
        let mut reported = self.reported();
        if let Some(step) = step {
            (reported.message, reported.step) = (step.into(), step.into());
        }
        self.position(&mut reported, index.into(), max.into());
        drop(reported);
        if self.screen.is_slow && !is_canceled() {
            thread::sleep(MOMENT);
        }
        if is_canceled() { HRESULT::MAPI_E_USER_CANCEL.ok() } else { Ok(()) }
    }

    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        self.error_calls.fetch_add(1, Relaxed);
        let message = message.unwrap_or_default();
        // After Ctrl-C the summary has the store's last words, so they are not shown twice.
        if code.is_err() || !self.screen.is_canceled() {
            let line = self.named(&format!("{code}: {message}"));
            self.screen.error(&line);
        }
        if code.is_ok() {
            let mut reported = self.reported();
            reported.message = message.into();
            reported.warnings += 1;
        }
        Ok(())
    }

    fn done(&self, _status: HRESULT) -> Result<()> {
        self.done_calls.fetch_add(1, Relaxed);
        let mut reported = self.reported();
        let bars = reported.steps.values_mut();
        bars.filter_map(|step| step.bar.take()).for_each(|bar| bar.finish_and_clear());
        if let Some(total) = reported.total.take() {
            total.finish_and_clear();
        }
        Ok(())
    }
}
