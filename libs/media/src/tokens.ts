export const MEDIA_STORE = Symbol('media store');
/** The folder for files that are on their way; what is left in it by a crash is removed after an hour. */
export const TEMPORARY = Symbol('temporary folder');
