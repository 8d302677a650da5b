/** A product as a conversation shows it. */
export interface OfferedProduct {
  id: string;
  name: string;
  description?: string;
  price: { amount: number; currency: string };
  available: number;
  /** The file of its picture. */
  pictureId?: string;
}
