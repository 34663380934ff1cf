//! Why a job did not run: what to print, and the exit code that goes with it.

use std::io::ErrorKind;

use crate::bedrock::ConnectError;
use crate::bedrock::control::ControlError;
use crate::bedrock::quotas::QuotaError;
use crate::exit::{Exit, Reason};
use crate::input::InputError;
use crate::job::JobError;
use crate::output::LedgerError;
use crate::rows::MismatchError;
use bedrock_emulator::{BindError, ScenarioError};

/// Why nothing was run, or planned, or checked: says where, what, and what to do next.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub(crate) exit: Exit,
    /// The reason behind the exit code.
    pub(crate) reason: Reason,
    message: String,
}

impl Failure {
    /// The exit code that the command line ends with.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What to do about it, in general: the message says it in particular.
    pub fn advice(&self) -> &'static str {
        self.reason.advice()
    }

    pub(crate) fn new(exit: Exit, message: impl ToString) -> Self {
        Self {
            exit,
            // No failure has exit code 0.
            reason: Reason::of(exit).unwrap_or(Reason::Bug),
            message: message.to_string(),
        }
    }

    /// This failure with a more precise reason than its exit code gives.
    pub(crate) fn because(self, reason: Reason) -> Self {
        Self { reason, ..self }
    }

    pub(crate) fn usage(message: impl ToString) -> Self {
        Self::new(Exit::Usage, message)
    }
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        Self::usage(error)
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        Self::usage(error).because(Reason::Input)
    }
}

impl From<MismatchError> for Failure {
    fn from(error: MismatchError) -> Self {
        Self::usage(error)
    }
}

impl From<ScenarioError> for Failure {
    fn from(error: ScenarioError) -> Self {
        Self::usage(error)
    }
}

impl From<BindError> for Failure {
    fn from(error: BindError) -> Self {
        Self::usage(error)
    }
}

fn leads_nowhere(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::AlreadyExists
    )
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let exit = match &error {
            LedgerError::Locked { .. } => Exit::Locked,
            LedgerError::NotOurs { .. }
            | LedgerError::OfAnother { .. }
            | LedgerError::NotAFile { .. }
            | LedgerError::Link { .. }
            | LedgerError::Network { .. }
            | LedgerError::Corrupt { .. }
            | LedgerError::Twice { .. }
            | LedgerError::NoRows { .. }
            | LedgerError::OtherModel { .. } => Exit::Usage,
            // A path that leads nowhere is mistyped; missing permissions and a full disk can be fixed.
            LedgerError::NoDirectory { cause, .. } if leads_nowhere(cause.kind()) => Exit::Usage,
            LedgerError::NoDirectory { .. }
            | LedgerError::Gone { .. }
            | LedgerError::Disturbed { .. }
            | LedgerError::NoRoom { .. }
            | LedgerError::Io { .. } => Exit::CannotWrite,
        };
        let reason = if exit == Exit::Usage {
            Reason::Output
        } else {
            Reason::of(exit).unwrap_or(Reason::CannotWrite)
        };
        Self::new(exit, error).because(reason)
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let exit = match &error {
            ConnectError::NoCredentials { .. }
            | ConnectError::NoSignature(_)
            | ConnectError::BadCredential { .. }
            | ConnectError::Login(_)
            | ConnectError::ProxyDenied { .. } => Exit::Access,
            ConnectError::NoRegion
            | ConnectError::NoProfile { .. }
            | ConnectError::BadProfile { .. }
            | ConnectError::BadFile(_)
            | ConnectError::BadSetting { .. }
            | ConnectError::BadBundle { .. }
            | ConnectError::ProxySettings { .. }
            | ConnectError::Unencrypted(_)
            | ConnectError::Untrusted { .. }
            | ConnectError::NoUrl { .. }
            | ConnectError::Settings(_) => Exit::Usage,
        };
        Self::new(exit, error)
    }
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        let exit = match &error {
            ControlError::Denied { .. } | ControlError::Credentials(_) => Exit::Access,
            ControlError::Absent(_) => Exit::Usage,
            ControlError::NoWay { .. } | ControlError::Unreachable { .. } => Exit::Stopped,
        };
        Self::new(exit, error)
    }
}

impl From<QuotaError> for Failure {
    fn from(error: QuotaError) -> Self {
        let exit = match &error {
            QuotaError::Denied { .. } | QuotaError::Credentials(_) => Exit::Access,
            QuotaError::Absent { .. } => Exit::Usage,
            QuotaError::NoWay { .. } | QuotaError::Unreachable(_) => Exit::Stopped,
        };
        Self::new(exit, error)
    }
}
