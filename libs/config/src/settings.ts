import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsInt, IsOptional, IsString, IsUrl, Matches, Max, Min, MinLength } from 'class-validator';

const number = () => Transform(({ value }) => (typeof value === 'string' && value.trim() !== '' ? Number(value) : value));
const flag = () =>
  Transform(({ value }) => (value === 'true' || value === '1' ? true : value === 'false' || value === '0' ? false : value));
const list = () =>
  Transform(({ value }) =>
    typeof value === 'string'
      ? value
          .split(',')
          .map((each) => each.trim())
          .filter(Boolean)
      : value,
  );

/** Every setting of every process. Names are the environment's; `.env.example` documents each one. */
export class Settings {
  @IsIn(['development', 'test', 'production']) NODE_ENV: 'development' | 'test' | 'production' = 'development';

  @Matches(/^postgres(ql)?:\/\//, { message: 'DATABASE_URL must look like postgres://user:password@host:5432/soko' })
  DATABASE_URL!: string;

  /** A login that is a member of soko_app only. Without it DATABASE_URL's login takes that role at connect. */
  @IsOptional() @Matches(/^postgres(ql)?:\/\//) DATABASE_APP_URL?: string;
  /** Likewise for soko_system. */
  @IsOptional() @Matches(/^postgres(ql)?:\/\//) DATABASE_SYSTEM_URL?: string;
  @number() @IsInt() @Min(1) @Max(100) DATABASE_POOL: number = 10;

  @IsOptional() @Matches(/^rediss?:\/\//, { message: 'REDIS_URL must look like redis://host:6379' }) REDIS_URL?: string;
  /** Keeps several stacks apart in one queue store. */
  @Matches(/^[a-z0-9_-]{1,40}$/) QUEUE_PREFIX: string = 'soko';
  @number() @IsInt() @Min(1) @Max(200) QUEUE_CONCURRENCY: number = 8;

  @number() @IsInt() @Min(0) @Max(65_535) PORT: number = 3000;
  @IsString() HOST: string = '127.0.0.1';
  @IsOptional()
  @IsUrl(
    { require_tld: false, require_protocol: true, protocols: ['http', 'https'] },
    { message: 'PUBLIC_URL must look like https://soko.example.com' },
  )
  PUBLIC_URL?: string;
  @list() @IsString({ each: true }) CORS_ORIGINS: string[] = [];

  @IsString() SOKO_DATA_DIR: string = '.soko';
  @IsIn(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']) LOG_LEVEL: string = 'info';
  @MinLength(32, { message: 'JWT_SECRET must have at least 32 characters; make one with: openssl rand -base64 32' })
  JWT_SECRET!: string;

  /** Touched every 5 s while the process is alive: for a container's health check. */
  @IsOptional() @IsString() HEARTBEAT_FILE?: string;

  /** The phone in the browser. Off in production unless asked for. */
  @IsOptional() @flag() @IsBoolean() SIMULATOR_ENABLED?: boolean;
  /** Private ranges that webhooks may call, as CIDRs. */
  @list() @IsString({ each: true }) WEBHOOK_ALLOWED_CIDRS: string[] = [];

  /** Fixed for the life of a database: channels are hashed onto so many shards. */
  @number() @IsInt() @Min(1) @Max(256) GATEWAY_SHARDS: number = 4;
  @number() @IsInt() @Min(1_000) @Max(60_000) GATEWAY_LEASE_MS: number = 8_000;

  get production(): boolean {
    return this.NODE_ENV === 'production';
  }

  get simulator(): boolean {
    return this.SIMULATOR_ENABLED ?? !this.production;
  }
}
