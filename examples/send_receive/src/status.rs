//! The result of a run in words.

use mapisync::HRESULT;

/// Returns the code of a run and what it means to the user. `left_out` is the number of messages,
/// or `None` if it is not known.
pub fn in_words(status: HRESULT, left_out: Option<u64>) -> String {
    let words = match status {
        HRESULT::S_OK => "finished",
        HRESULT::MAPI_W_PARTIAL_COMPLETION => {
            let left_out = match left_out {
                None => "something was left out".into(),
                Some(1) => "1 message left out".into(),
                Some(count) => format!("{count} messages left out"),
            };
            return format!("{status}: finished, {left_out}");
        }
        HRESULT::MAPI_E_USER_CANCEL => "canceled",
        HRESULT::MAPI_E_BUSY => "another run uses the mailbox",
        HRESULT::MAPI_E_NO_ACCESS => "nothing could be written or read",
        HRESULT::MAPI_E_NOT_ENOUGH_DISK => "the disk is full",
        HRESULT::MAPI_E_NOT_FOUND => "not found",
        status if status.is_ok() => "finished",
        _ => "failed",
    };
    format!("{status}: {words}")
}
