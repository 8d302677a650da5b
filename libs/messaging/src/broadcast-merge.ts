import type { TenantTx } from '@soko/database';

/**
 * Makes the contacts `gone` and `keep` one recipient of each broadcast that goes to several of them: a message that is queued already
 * stands before one that is not, so that nobody gets it twice, or not at all. Call it with the chats of all of them locked.
 */
export async function mergeRecipients(tx: TenantTx, keep: string, gone: string[]): Promise<void> {
  await tx.query(
    `DELETE FROM broadcast_recipients r USING (
       SELECT broadcast_id, contact_id, row_number() OVER (
         PARTITION BY broadcast_id ORDER BY (message_id IS NULL), (contact_id <> $2), contact_id
       ) AS place FROM broadcast_recipients WHERE merchant_id = $1 AND contact_id = ANY ($3::uuid[])
     ) AS several
     WHERE r.merchant_id = $1 AND r.broadcast_id = several.broadcast_id AND r.contact_id = several.contact_id AND several.place > 1`,
    [tx.merchantId, keep, [keep, ...gone]],
  );
  await tx.query('UPDATE broadcast_recipients SET contact_id = $2 WHERE merchant_id = $1 AND contact_id = ANY ($3::uuid[])', [
    tx.merchantId,
    keep,
    gone,
  ]);
}
