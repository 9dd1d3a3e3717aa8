//! Which code an `io::Error` becomes; `Error::Io` has the table for users.

use crate::abi::HRESULT;
use std::io::ErrorKind as Kind;

/// The MAPI code that says most nearly what kind of failure it was.
pub(super) fn code(kind: Kind) -> HRESULT {
    match kind {
        Kind::ConnectionRefused
        | Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::NotConnected
        | Kind::BrokenPipe
        | Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::NetworkDown => HRESULT::MAPI_E_NETWORK_ERROR,
        Kind::TimedOut | Kind::WouldBlock => HRESULT::MAPI_E_TIMEOUT,
        Kind::StorageFull | Kind::QuotaExceeded => HRESULT::MAPI_E_NOT_ENOUGH_DISK,
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => HRESULT::MAPI_E_NO_ACCESS,
        Kind::OutOfMemory => HRESULT::MAPI_E_NOT_ENOUGH_MEMORY,
        _ => HRESULT::MAPI_E_CALL_FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use std::io;

    #[test]
    fn io_kinds_become_the_fitting_codes() {
        for (kind, code) in [
            (Kind::ConnectionRefused, HRESULT::MAPI_E_NETWORK_ERROR),
            (Kind::ConnectionReset, HRESULT::MAPI_E_NETWORK_ERROR),
            (Kind::ConnectionAborted, HRESULT::MAPI_E_NETWORK_ERROR),
            (Kind::NotConnected, HRESULT::MAPI_E_NETWORK_ERROR),
            (Kind::BrokenPipe, HRESULT::MAPI_E_NETWORK_ERROR),
            (Kind::HostUnreachable, HRESULT::MAPI_E_NETWORK_ERROR),
            (Kind::NetworkUnreachable, HRESULT::MAPI_E_NETWORK_ERROR),
            (Kind::NetworkDown, HRESULT::MAPI_E_NETWORK_ERROR),
            (Kind::TimedOut, HRESULT::MAPI_E_TIMEOUT),
            (Kind::WouldBlock, HRESULT::MAPI_E_TIMEOUT),
            (Kind::StorageFull, HRESULT::MAPI_E_NOT_ENOUGH_DISK),
            (Kind::QuotaExceeded, HRESULT::MAPI_E_NOT_ENOUGH_DISK),
            (Kind::PermissionDenied, HRESULT::MAPI_E_NO_ACCESS),
            (Kind::ReadOnlyFilesystem, HRESULT::MAPI_E_NO_ACCESS),
            (Kind::OutOfMemory, HRESULT::MAPI_E_NOT_ENOUGH_MEMORY),
            (Kind::NotFound, HRESULT::MAPI_E_CALL_FAILED),
            (Kind::Other, HRESULT::MAPI_E_CALL_FAILED),
        ] {
            assert_eq!(
                Error::from(io::Error::from(kind)).hresult(),
                code,
                "{kind:?}"
            );
        }
    }
}
