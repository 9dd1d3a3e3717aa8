//! The named `HRESULT`s. Each line of `codes!` generates a constant and its name.

use super::HRESULT;

macro_rules! codes {
    ($($doc:literal $name:ident = $bits:literal;)*) => {
        /// The named codes.
        ///
        /// Sources: `MAPICode.h` for MAPI's codes, and [Common HRESULT
        /// values](https://learn.microsoft.com/windows/win32/seccrypto/common-hresult-values) for
        /// COM's.
        impl HRESULT {
            $(#[doc = $doc] pub const $name: HRESULT = HRESULT::from_bits($bits);)*
        }

        /// The names and values. MAPI's precede COM's, so that the first of two names is MAPI's.
        pub(super) const NAMES: &[(&str, HRESULT)] = &[$((stringify!($name), HRESULT::$name)),*];
    };
}

codes! {
    "An unspecified failure." MAPI_E_CALL_FAILED = 0x80004005;
    "Out of memory." MAPI_E_NOT_ENOUGH_MEMORY = 0x8007000E;
    "An argument is invalid." MAPI_E_INVALID_PARAMETER = 0x80070057;
    "The object does not have the interface." MAPI_E_INTERFACE_NOT_SUPPORTED = 0x80004002;
    "Access is denied." MAPI_E_NO_ACCESS = 0x80070005;
    "The provider does not support the operation." MAPI_E_NO_SUPPORT = 0x80040102;
    "Unicode strings were requested and only 8-bit strings are supported, or the reverse." MAPI_E_BAD_CHARWIDTH = 0x80040103;
    "A string is longer than allowed." MAPI_E_STRING_TOO_LONG = 0x80040105;
    "A flag is set that the provider does not know." MAPI_E_UNKNOWN_FLAGS = 0x80040106;
    "The entry identifier is malformed." MAPI_E_INVALID_ENTRYID = 0x80040107;
    "The object is no longer valid." MAPI_E_INVALID_OBJECT = 0x80040108;
    "The object was changed by another client since it was opened." MAPI_E_OBJECT_CHANGED = 0x80040109;
    "The object was deleted by another client since it was opened." MAPI_E_OBJECT_DELETED = 0x8004010A;
    "The provider is busy with an operation that excludes this one. The caller can try again later." MAPI_E_BUSY = 0x8004010B;
    "The disk or the quota is full." MAPI_E_NOT_ENOUGH_DISK = 0x8004010D;
    "The system has no handle, thread or other resource left." MAPI_E_NOT_ENOUGH_RESOURCES = 0x8004010E;
    "The requested object does not exist." MAPI_E_NOT_FOUND = 0x8004010F;
    "The versions are incompatible. `CLASS_E_NOAGGREGATION` is the same number." MAPI_E_VERSION = 0x80040110;
    "The server refused the logon." MAPI_E_LOGON_FAILED = 0x80040111;
    "No more sessions are allowed." MAPI_E_SESSION_LIMIT = 0x80040112;
    "The user canceled the operation." MAPI_E_USER_CANCEL = 0x80040113;
    "The operation can no longer be canceled." MAPI_E_UNABLE_TO_ABORT = 0x80040114;
    "The network or the server cannot be reached." MAPI_E_NETWORK_ERROR = 0x80040115;
    "Reading or writing the disk failed." MAPI_E_DISK_ERROR = 0x80040116;
    "The operation is too complex for the provider." MAPI_E_TOO_COMPLEX = 0x80040117;
    "The column does not exist." MAPI_E_BAD_COLUMN = 0x80040118;
    "The provider has extended error information." MAPI_E_EXTENDED_ERROR = 0x80040119;
    "The property is computed and cannot be set." MAPI_E_COMPUTED = 0x8004011A;
    "The data is damaged." MAPI_E_CORRUPT_DATA = 0x8004011B;
    "The provider has not been configured." MAPI_E_UNCONFIGURED = 0x8004011C;
    "One provider failed. The others can continue." MAPI_E_FAILONEPROVIDER = 0x8004011D;
    "The code page is not known." MAPI_E_UNKNOWN_CPID = 0x8004011E;
    "The locale is not known." MAPI_E_UNKNOWN_LCID = 0x8004011F;
    "The password must be changed before the first logon." MAPI_E_PASSWORD_CHANGE_REQUIRED = 0x80040120;
    "The password has expired." MAPI_E_PASSWORD_EXPIRED = 0x80040121;
    "This account may not log on from this machine." MAPI_E_INVALID_WORKSTATION_ACCOUNT = 0x80040122;
    "This account may not log on at this time." MAPI_E_INVALID_ACCESS_TIME = 0x80040123;
    "The account is disabled." MAPI_E_ACCOUNT_DISABLED = 0x80040124;
    "The session has ended." MAPI_E_END_OF_SESSION = 0x80040200;
    "The entry identifier belongs to no known provider." MAPI_E_UNKNOWN_ENTRYID = 0x80040201;
    "A required column is missing." MAPI_E_MISSING_REQUIRED_COLUMN = 0x80040202;
    "Warning: the message service does not exist." MAPI_W_NO_SERVICE = 0x00040203;
    "The property has a value that is not allowed." MAPI_E_BAD_VALUE = 0x80040301;
    "The property's type is not valid." MAPI_E_INVALID_TYPE = 0x80040302;
    "The property's type is not supported here." MAPI_E_TYPE_NO_SUPPORT = 0x80040303;
    "The property has a different type than expected." MAPI_E_UNEXPECTED_TYPE = 0x80040304;
    "The message or the request is too large." MAPI_E_TOO_BIG = 0x80040305;
    "The provider declines to perform the copy operation." MAPI_E_DECLINE_COPY = 0x80040306;
    "The property identifier is not expected here." MAPI_E_UNEXPECTED_ID = 0x80040307;
    "Warning: the call succeeded, except for some properties." MAPI_W_ERRORS_RETURNED = 0x00040380;
    "The operation could not be completed." MAPI_E_UNABLE_TO_COMPLETE = 0x80040400;
    "The operation did not end in the time allowed." MAPI_E_TIMEOUT = 0x80040401;
    "The table has no rows." MAPI_E_TABLE_EMPTY = 0x80040402;
    "The table is too large to be displayed." MAPI_E_TABLE_TOO_BIG = 0x80040403;
    "The row of the bookmark no longer exists." MAPI_E_INVALID_BOOKMARK = 0x80040405;
    "Warning: the row of the bookmark has moved." MAPI_W_POSITION_CHANGED = 0x00040481;
    "Warning: the count is approximate." MAPI_W_APPROX_COUNT = 0x00040482;
    "An operation is still in progress. The caller must wait." MAPI_E_WAIT = 0x80040500;
    "The operation was canceled." MAPI_E_CANCEL = 0x80040501;
    "The request is meant for another provider." MAPI_E_NOT_ME = 0x80040502;
    "Warning: the message was canceled." MAPI_W_CANCEL_MESSAGE = 0x00040580;
    "The store is damaged." MAPI_E_CORRUPT_STORE = 0x80040600;
    "The message is not in the outgoing queue." MAPI_E_NOT_IN_QUEUE = 0x80040601;
    "Read receipts cannot be suppressed." MAPI_E_NO_SUPPRESS = 0x80040602;
    "An object of that name already exists." MAPI_E_COLLISION = 0x80040604;
    "MAPIInitialize has not been called on this thread." MAPI_E_NOT_INITIALIZED = 0x80040605;
    "The message cannot be handled in a standard way." MAPI_E_NON_STANDARD = 0x80040606;
    "The message has no recipients." MAPI_E_NO_RECIPIENTS = 0x80040607;
    "The message has already been submitted." MAPI_E_SUBMITTED = 0x80040608;
    "The folder has sub-folders." MAPI_E_HAS_FOLDERS = 0x80040609;
    "The folder has messages." MAPI_E_HAS_MESSAGES = 0x8004060A;
    "A folder would become its own ancestor." MAPI_E_FOLDER_CYCLE = 0x8004060B;
    "Warning: the operation was completed in part. The preceding calls of `Error` name the rest." MAPI_W_PARTIAL_COMPLETION = 0x00040680;
    "The name of the recipient is ambiguous." MAPI_E_AMBIGUOUS_RECIP = 0x80040700;
    "The connection was lost and restored. The caller must repeat the call." MAPI_E_RECONNECTED = 0x80040125;
    "The server is not connected." MAPI_E_OFFLINE = 0x80040126;
    "The store has reached its size limit." MAPI_E_STORE_FULL = 0x8004060C;
    "Success." S_OK = 0x00000000;
    "Success with the result \"false\"." S_FALSE = 0x00000001;
    "The method is not implemented." E_NOTIMPL = 0x80004001;
    "The object does not have the interface." E_NOINTERFACE = 0x80004002;
    "A pointer that must not be NULL is NULL." E_POINTER = 0x80004003;
    "The operation was aborted." E_ABORT = 0x80004004;
    "An unspecified failure." E_FAIL = 0x80004005;
    "The data is not yet available." E_PENDING = 0x8000000A;
    "An unexpected failure, such as a panic." E_UNEXPECTED = 0x8000FFFF;
    "Access is denied." E_ACCESSDENIED = 0x80070005;
    "The handle is not valid." E_HANDLE = 0x80070006;
    "Out of memory." E_OUTOFMEMORY = 0x8007000E;
    "An argument is invalid." E_INVALIDARG = 0x80070057;
    "The object does not support aggregation. `MAPI_E_VERSION` is the same number." CLASS_E_NOAGGREGATION = 0x80040110;
}
