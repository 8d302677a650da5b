import { Transform } from 'class-transformer';
import { ArrayMinSize, IsBoolean, IsIn, IsInt, IsOptional, IsString, IsUrl, Matches, Max, Min, MinLength } from 'class-validator';

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

const limit = (): PropertyDecorator => (target, key) => {
  for (const decorate of [number(), IsInt(), Min(1), Max(1_000_000_000)]) decorate(target, key);
};
const KEYS_NEEDED =
  'ENCRYPTION_KEYS must be id:key, or several with commas between; make one with: echo "k1:$(openssl rand -base64 32)"';

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
  /** A process that stands still inside a transaction keeps others from its rows for so long. */
  @number() @IsInt() @Min(1_000) @Max(600_000) DATABASE_TRANSACTION_IDLE_MS: number = 60_000;

  @IsOptional() @Matches(/^rediss?:\/\//, { message: 'REDIS_URL must look like redis://host:6379' }) REDIS_URL?: string;
  /** Keeps several stacks apart in one queue store. */
  @Matches(/^[a-z0-9_-]{1,40}$/) QUEUE_PREFIX: string = 'soko';
  @number() @IsInt() @Min(1) @Max(200) QUEUE_CONCURRENCY: number = 8;
  /** Pictures that a worker makes smaller at once: each keeps a core busy. */
  @number() @IsInt() @Min(1) @Max(64) MEDIA_CONCURRENCY: number = 2;

  @number() @IsInt() @Min(0) @Max(65_535) PORT: number = 3000;
  @IsString() HOST: string = '127.0.0.1';
  @IsOptional()
  @IsUrl(
    { require_tld: false, require_protocol: true, protocols: ['http', 'https'] },
    { message: 'PUBLIC_URL must look like https://soko.example.com' },
  )
  PUBLIC_URL?: string;
  @list() @IsString({ each: true }) CORS_ORIGINS: string[] = [];
  /** Proxies whose word on a caller's address is taken: addresses and CIDRs, or how many stand in a row, or `true` for all. */
  @list() @IsString({ each: true }) TRUST_PROXY: string[] = [];

  @flag() @IsBoolean() RATE_LIMIT_ENABLED: boolean = true;
  /** Requests of somebody who is not logged in, per address and 15 minutes. */
  @limit() RATE_LIMIT_IP: number = 100;
  /** Of them, calls that register or log in. Also the wrong passwords for one account from one address. */
  @limit() RATE_LIMIT_AUTH: number = 5;
  /** Requests per merchant of the plan and 15 minutes; messages a minute; uploads an hour. */
  @limit() RATE_LIMIT_TRIAL_API: number = 100;
  @limit() RATE_LIMIT_TRIAL_MESSAGES: number = 30;
  @limit() RATE_LIMIT_TRIAL_UPLOADS: number = 10;
  @limit() RATE_LIMIT_STANDARD_API: number = 6_000;
  @limit() RATE_LIMIT_STANDARD_MESSAGES: number = 600;
  @limit() RATE_LIMIT_STANDARD_UPLOADS: number = 1_000;

  @IsString() SOKO_DATA_DIR: string = '.soko';
  @IsIn(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']) LOG_LEVEL: string = 'info';
  @MinLength(32, { message: 'JWT_SECRET must have at least 32 characters; make one with: openssl rand -base64 32' })
  JWT_SECRET!: string;

  /** `id:key` pairs, key being 32 bytes in base64. The first seals; the others only open what was sealed before. */
  @list()
  @ArrayMinSize(1, { message: KEYS_NEEDED })
  @Matches(/^[a-z0-9_-]{1,32}:[A-Za-z0-9+/]{43}=$/, { each: true, message: KEYS_NEEDED })
  ENCRYPTION_KEYS!: string[];

  /** Touched every 5 s while the process is alive: for a container's health check. */
  @IsOptional() @IsString() HEARTBEAT_FILE?: string;

  /** Whoever shows it as a bearer token may read `/metrics`. */
  @IsOptional()
  @MinLength(16, { message: 'METRICS_TOKEN must have at least 16 characters; make one with: openssl rand -base64 32' })
  METRICS_TOKEN?: string;
  /** Where worker and bot-gateway serve `/metrics`; without it they do not. The api has it on its own port. */
  @IsOptional() @number() @IsInt() @Min(0) @Max(65_535) METRICS_PORT?: number;

  /** The phone in the browser. Off in production unless asked for. */
  @IsOptional() @flag() @IsBoolean() SIMULATOR_ENABLED?: boolean;
  /** Where channels of kind baileys connect; another than WhatsApp's own is for tests. */
  @Matches(/^wss?:\/\//, { message: 'WHATSAPP_WEB_URL must look like wss://web.whatsapp.com/ws/chat' })
  WHATSAPP_WEB_URL: string = 'wss://web.whatsapp.com/ws/chat';
  /** Public key, in base64, of a test server's root certificate. Refused in production: there only WhatsApp's own root is believed. */
  @IsOptional()
  @Matches(/^[A-Za-z0-9+/]{43}=$/, { message: 'WHATSAPP_WEB_NOISE_ROOT must be 32 bytes in base64' })
  WHATSAPP_WEB_NOISE_ROOT?: string;
  /** Seconds between signs of life on an open connection; without any for 5 s more, it is made anew. */
  @number() @IsInt() @Min(1) @Max(60) WHATSAPP_WEB_KEEPALIVE_S: number = 25;
  /** Where Meta's Graph API is; another than Meta's own is for tests. */
  @IsUrl(
    { require_tld: false, require_protocol: true, protocols: ['http', 'https'] },
    { message: 'WHATSAPP_CLOUD_BASE_URL must look like https://graph.facebook.com' },
  )
  WHATSAPP_CLOUD_BASE_URL: string = 'https://graph.facebook.com';
  /** Meta keeps each version for two years. */
  @Matches(/^v\d{1,3}\.\d{1,2}$/, { message: 'WHATSAPP_CLOUD_VERSION must look like v26.0' })
  WHATSAPP_CLOUD_VERSION: string = 'v26.0';
  /** Files lie in this bucket; without it, in the folder `media` of SOKO_DATA_DIR. */
  @IsOptional()
  @Matches(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, { message: 'S3_BUCKET must be the name of a bucket' })
  S3_BUCKET?: string;
  /** Of another server than Amazon's. */
  @IsOptional()
  @IsUrl(
    { require_tld: false, require_protocol: true, protocols: ['http', 'https'] },
    { message: 'S3_ENDPOINT must look like https://s3.example.com' },
  )
  S3_ENDPOINT?: string;
  @Matches(/^[a-z0-9-]{2,40}$/) S3_REGION: string = 'us-east-1';
  /** Without keys the machine's own role is used. */
  @IsOptional() @IsString() S3_ACCESS_KEY_ID?: string;
  @IsOptional() @IsString() S3_SECRET_ACCESS_KEY?: string;
  /** The bucket in the path and not in the host's name: what most other servers want. */
  @flag() @IsBoolean() S3_FORCE_PATH_STYLE: boolean = false;
  /** Goods of an order that is to be paid first are kept for so long, and after that the order waits for its money for so long. */
  @number() @IsInt() @Min(1) @Max(10_080) ORDER_HOLD_MINUTES: number = 30;
  @number() @IsInt() @Min(1) @Max(720) ORDER_LAPSE_HOURS: number = 24;
  /** Where Stripe's API is; another than Stripe's own is for tests. */
  @IsUrl(
    { require_tld: false, require_protocol: true, protocols: ['http', 'https'] },
    { message: 'STRIPE_BASE_URL must look like https://api.stripe.com' },
  )
  STRIPE_BASE_URL: string = 'https://api.stripe.com';

  /** Private ranges that webhooks may call, as CIDRs. */
  @list() @IsString({ each: true }) WEBHOOK_ALLOWED_CIDRS: string[] = [];
  /** Calls of webhooks stay on record for so long. */
  @number() @IsInt() @Min(1) @Max(3_650) WEBHOOK_LOG_DAYS: number = 30;

  /** The history of events is kept for so many months; for ever when it is not set. */
  @IsOptional() @number() @IsInt() @Min(1) @Max(1_200) EVENT_MONTHS?: number;
  /** Streams of events that a merchant may have open at one process. */
  @number() @IsInt() @Min(1) @Max(100_000) REALTIME_STREAMS: number = 100;
  /** So many events, and so many bytes of them, lie here for a client that does not take them; then it is cut off. */
  @number() @IsInt() @Min(10) @Max(100_000) REALTIME_BUFFER_EVENTS: number = 1_000;
  @number() @IsInt() @Min(1_024) @Max(1_073_741_824) REALTIME_BUFFER_BYTES: number = 1_048_576;
  /** Seconds between signs of life on a stream where nothing happens. */
  @number() @IsInt() @Min(1) @Max(300) REALTIME_HEARTBEAT_S: number = 15;

  /** Fixed for the life of a database: channels are hashed onto so many shards. */
  @number() @IsInt() @Min(1) @Max(256) GATEWAY_SHARDS: number = 4;
  @number() @IsInt() @Min(1_000) @Max(60_000) GATEWAY_LEASE_MS: number = 8_000;

  /** As Fastify takes it; a number of proxies as the function that says which hops to believe. */
  get trustProxy(): boolean | string[] | ((address: string, hop: number) => boolean) {
    const [only, ...others] = this.TRUST_PROXY;
    if (only === undefined || only === 'false') return false;
    if (others.length === 0 && only === 'true') return true;
    return others.length === 0 && /^\d+$/.test(only) ? (_, hop) => hop < Number(only) : this.TRUST_PROXY;
  }

  get production(): boolean {
    return this.NODE_ENV === 'production';
  }

  get simulator(): boolean {
    return this.SIMULATOR_ENABLED ?? !this.production;
  }
}
