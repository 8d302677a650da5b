/** What can stand between `{{ }}`. */
export const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;
export const NAME_MESSAGE = '$property must begin with a letter and have only letters, digits and _, for example customer_name';
