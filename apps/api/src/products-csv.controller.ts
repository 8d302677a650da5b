import { Controller, Get, HttpCode, Post, Query, Req, StreamableFile } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { CsvUnreadableError, ImportQuery, ImportReportView, ProductCsvService } from '@soko/catalog';
import { type Caller, Me, Requires } from '@soko/identity';
import type { FastifyRequest } from 'fastify';
import { RawBody } from './http/raw-body.js';
import { Fails } from './openapi/decorators.js';

/** So many products with descriptions as long as they may be are more; then they come in parts. */
const LIMIT = 4 * 1024 * 1024;
const EXAMPLE = 'sku,name,price,stock\r\nMAIZE-10,Maize meal 10 kg,12.50,25\r\n';
const CSV = { type: 'string', example: EXAMPLE } as const;

@ApiTags('Catalogue')
@Controller('api/products')
export class ProductsCsvController {
  constructor(private readonly csv: ProductCsvService) {}

  /** All products, as a spreadsheet opens them and `POST /api/products/import` takes them. */
  @Get('export')
  @Requires('catalog:read')
  @ApiOkResponse({ content: { 'text/csv': { schema: CSV } } })
  export(@Me() { merchantId }: Caller): StreamableFile {
    return new StreamableFile(this.csv.export(merchantId), {
      type: 'text/csv; charset=utf-8',
      disposition: 'attachment; filename="products.csv"',
    });
  }

  /**
   * Makes the products of a CSV file (5,000 at most, 4 MB), and changes those whose `sku` is there. The first line names the columns: `sku`, `name`,
   * `description`, `category`, `price` (a plain number in the merchant’s currency), `stock`, `low_stock_at`, `active`. A column that is missing
   * leaves its field alone. Lines that are wrong are told, and do not hold up the others.
   */
  @Post('import')
  @HttpCode(200)
  @Requires('catalog:write')
  @RawBody(LIMIT)
  @ApiConsumes('text/csv')
  @ApiBody({ schema: CSV })
  @Fails(new CsvUnreadableError('the first line must name the columns, and "sku" must be among them'))
  import(
    @Me() { merchantId }: Caller,
    @Query() { dryRun }: ImportQuery,
    @Req() { body }: FastifyRequest,
  ): Promise<ImportReportView> {
    return this.csv.import(merchantId, Buffer.isBuffer(body) ? body.toString() : '', dryRun === 'true');
  }
}
