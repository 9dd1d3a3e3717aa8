//! The parent process: it starts children until every rule is checked, and makes the report.

use crate::arguments::Arguments;
use crate::child::Task;
use mapisync::testing::conformance::{RULES, Report, Row, Rule, Subject, Verdict};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a child may take without a sign of life, in addition to the timeouts of its runs.
const PATIENCE: Duration = Duration::from_secs(10);

/// The result of a check.
pub struct Checked {
    pub report: Report,
    /// A crash in code that no rule is about, such as the last `Release`. The provider fails then.
    pub crash: Option<String>,
}

/// Checks the provider. The error says why it cannot be checked.
pub fn check(arguments: &Arguments) -> Result<Checked, String> {
    let (mut rows, mut crash) = (Vec::<Row>::new(), None);
    loop {
        let done: Vec<&str> = rows.iter().map(|row| row.rule.id).collect();
        let run = Run::of_child(arguments, &done)?;
        let is_first = rows.is_empty();
        rows.extend(run.rows);
        match (run.end, run.started.split_first()) {
            (End::Complete, _) => break,
            (End::Error(error), _) if is_first => return Err(error),
            (End::Error(error), _) => {
                crash = Some(format!("in another process, {error}"));
                break;
            }
            (End::Early(how), None) => {
                crash = Some(match rows.last() {
                    None => format!("{how} before the first rule was checked"),
                    Some(_) if rows.len() < provider_rules() => format!("{how} between two rules"),
                    Some(_) => format!("{how} when the store was released"),
                });
                break;
            }
            (End::Early(how), Some((first, others))) => {
                rows.push(Row::broken(first, how.clone()));
                let verdict = Verdict::NotApplicable(format!("{how} in the same calls"));
                let row = |rule: &&'static Rule| Row { rule, verdict: verdict.clone() };
                rows.extend(others.iter().map(row));
            }
        }
    }
    Ok(Checked { report: rows.into_iter().collect(), crash })
}

/// The number of rules that apply to a store.
fn provider_rules() -> usize {
    let rules = RULES.iter().filter(|rule| rule.subject != Subject::Callback);
    rules.count()
}

/// The results of a child.
struct Run {
    rows: Vec<Row>,
    /// The rules that were being checked when the child ended.
    started: Vec<&'static Rule>,
    end: End,
}

enum End {
    Complete,
    /// The provider cannot be checked.
    Error(String),
    /// The process crashed, or was ended because it did not go on. The string says how.
    Early(String),
}

impl Run {
    fn of_child(arguments: &Arguments, done: &[&str]) -> Result<Run, String> {
        let file = TemporaryFile::new().map_err(|error| format!("no temporary file: {error}"))?;
        let ended = ended_child(arguments, done, &file);
        let ended =
            ended.map_err(|error| format!("the process that checks it did not start: {error}"))?;
        let text = fs::read_to_string(&file.0).unwrap_or_default();
        let mut run = Run { rows: Vec::new(), started: Vec::new(), end: End::Early(ended) };
        // The last line may be incomplete.
        for line in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            if let Some(ids) = line["start"].as_array() {
                run.started = ids.iter().filter_map(|id| rule(id)).collect();
            } else if let Some(row) = row(&line) {
                run.started.retain(|rule| rule.id != row.rule.id);
                run.rows.push(row);
            } else if line["end"].as_bool() == Some(true) {
                run.end = End::Complete;
            } else if let Some(error) = line["error"].as_str() {
                run.end = End::Error(error.into());
            }
        }
        Ok(run)
    }
}

fn rule(id: &Value) -> Option<&'static Rule> {
    RULES.iter().find(|rule| *id == *rule.id)
}

/// Reads what `Row::to_json` has written.
fn row(json: &Value) -> Option<Row> {
    let seen = || json["seen"].as_str().unwrap_or_default().into();
    let verdict = match json["verdict"].as_str()? {
        "passed" => Verdict::Passed,
        "failed" => Verdict::Failed(seen()),
        "warned" => Verdict::Warned(seen()),
        _ => Verdict::NotApplicable(seen()),
    };
    let rule = rule(&json["id"])?;
    Some(Row { rule, verdict })
}

/// Runs a child, and waits until it ends or does not go on. Says how it ended.
fn ended_child(
    arguments: &Arguments,
    done: &[&str],
    file: &TemporaryFile,
) -> std::io::Result<String> {
    let task = Task::new(&file.0, done);
    let mut command = task.command(std::env::args_os().skip(1))?;
    // The provider's output must not be mixed with the report.
    let mut child = command.stdin(Stdio::null()).stdout(std::io::stderr()).spawn()?;
    // The calls for one rule take at most four timeouts.
    let patience = arguments.timeout.saturating_mul(4).saturating_add(PATIENCE);
    let (mut length, mut last) = (0, Instant::now());
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(description(status));
        }
        let written = fs::metadata(&file.0).map_or(length, |metadata| metadata.len());
        if written != length {
            (length, last) = (written, Instant::now());
        }
        if last.elapsed() > patience {
            end(&mut child);
            return Ok(format!("the provider did not return within {patience:?}"));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn end(child: &mut Child) {
    let _it_may_have_ended = child.kill();
    let _status = child.wait();
}

fn description(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("the process crashed with signal {signal}");
    }
    match status.code() {
        Some(code) => format!("the process ended with exit code {code:#X}"),
        None => format!("the process ended: {status}"),
    }
}

/// A file that is deleted when it is dropped.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new() -> std::io::Result<TemporaryFile> {
        let name = |n| format!("mapisync-conform-{}-{n}", std::process::id());
        for n in 0.. {
            let path = std::env::temp_dir().join(name(n));
            match fs::File::create_new(&path) {
                Ok(_) => return Ok(TemporaryFile(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        unreachable!("the numbers do not end")
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _it_may_be_open = fs::remove_file(&self.0);
    }
}
