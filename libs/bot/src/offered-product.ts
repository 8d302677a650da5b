/** A product as a conversation shows it. */
export interface OfferedProduct {
  id: string;
  /** The merchant's own code; WhatsApp's catalogues name products by it. */
  sku?: string;
  name: string;
  description?: string;
  category?: string;
  price: { amount: number; currency: string };
  available: number;
  /** The file of its picture. */
  pictureId?: string;
}
