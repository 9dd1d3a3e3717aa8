//! `Script`: the reports and the end of a `ScriptedProvider`'s runs, and how it misbehaves.

use crate::abi::HRESULT;
use crate::error::{Error, Result};
use crate::provider::{MapiSync, SyncJob, SyncRequest};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::thread;
use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    pub reports: Vec<Report>,
    pub end: End,
    pub event: Event,
    pub ignores_cancel: bool,
    pub done_early: bool,
    pub done_twice: bool,
    pub never_done: bool,
    pub never_returns: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Report {
    Progress { step: Option<String>, index: u32, max: u32 },
    Warning { code: HRESULT, message: String },
    Pause(Duration),
}

#[derive(Clone, Debug)]
pub(super) enum End {
    Finish(HRESULT),
    Fail(HRESULT, String),
    Panic(String),
    Refuse(HRESULT),
}

impl Default for End {
    fn default() -> End {
        End::Finish(HRESULT::S_OK)
    }
}

/// The event that the host receives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Event {
    /// The job's.
    #[default]
    Signaled,
    /// None.
    Null,
    /// One whose signal is withheld.
    Withheld,
}

impl Script {
    fn run(&self, job: &SyncJob) -> Result<HRESULT> {
        for report in &self.reports {
            match report {
                Report::Progress { step, index, max } => {
                    job.progress(step.as_deref(), *index, *max)?;
                }
                Report::Warning { code, message } => {
                    job.error(*code, message);
                }
                Report::Pause(pause) => thread::sleep(*pause),
            }
        }
        match &self.end {
            End::Finish(status) => Ok(*status),
            End::Fail(code, message) => Err(Error::new(*code, message.as_str())),
            End::Panic(message) => panic!("{message}"),
            End::Refuse(code) => Err((*code).into()), // no run is started
        }
    }
}

/// The store that runs the script in a job.
pub(super) struct Worker(pub Arc<Script>);

impl MapiSync for Worker {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let script = self.0.clone();
        if !script.done_early {
            return request.spawn(move |job| script.run(job));
        }
        let job = request.start()?;
        // If the script panics here, the job is dropped, and the run ends when the panic is caught.
        let result = script.run(&job);
        job.finish(result);
        Ok(())
    }
}
