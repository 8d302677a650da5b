/** The data source of `soko_app`. Not exported: tenants are reached through Tenancy alone. */
export const APP_SOURCE = Symbol('APP_SOURCE');
/** The data source of `soko_system`. */
export const SYSTEM_SOURCE = Symbol('SYSTEM_SOURCE');
