// Made by `npm run client` from docs/openapi.json.

export interface paths {
    "/api/auth/register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A new merchant with its owner.
         * @description **Access:** everybody.
         */
        post: operations["auth_register"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * An access token for 7 days.
         * @description **Access:** everybody.
         */
        post: operations["auth_login"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who I am.
         * @description **Access:** people who are signed in, whatever their role.
         */
        get: operations["auth_me"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ends the session: its token is dead from then on.
         * @description **Access:** people who are signed in, whatever their role.
         */
        post: operations["auth_logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Changes one's own password. Ends all sessions and begins a new one.
         * @description **Access:** people who are signed in, whatever their role.
         */
        post: operations["auth_changePassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The merchant's team, in the order in which they came.
         * @description **Access:** role `owner`; not for API keys.
         */
        get: operations["users_list"];
        put?: never;
        /**
         * Takes somebody into the team, with a first password.
         * @description **Access:** role `owner`; not for API keys.
         */
        post: operations["users_add"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Takes somebody out of the team; their sessions end at once.
         * @description **Access:** role `owner`; not for API keys.
         */
        delete: operations["users_remove"];
        options?: never;
        head?: never;
        /**
         * Changes a name, role or password. A new password ends the person's sessions.
         * @description **Access:** role `owner`; not for API keys.
         */
        patch: operations["users_update"];
        trace?: never;
    };
    "/api/users/me/phone-code": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A code for one's own phone. Written to the shop's number within ten minutes it links the phone that it comes from.
         * @description **Access:** people who are signed in, whatever their role.
         */
        post: operations["staffPhones_makeCode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/users/{id}/phone": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One's own phone, or as the owner anybody's.
         * @description **Access:** people who are signed in, whatever their role.
         */
        get: operations["staffPhones_get"];
        put?: never;
        post?: never;
        /**
         * Whoever has that phone is a customer from now on.
         * @description **Access:** people who are signed in, whatever their role.
         */
        delete: operations["staffPhones_unlink"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/api-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** role `owner`; not for API keys. */
        get: operations["apiKeys_list"];
        put?: never;
        /**
         * A key for a system. The answer shows it this once.
         * @description **Access:** role `owner`; not for API keys.
         */
        post: operations["apiKeys_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/api-keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revokes a key: its next call is refused.
         * @description **Access:** role `owner`; not for API keys.
         */
        delete: operations["apiKeys_revoke"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/merchant": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The merchant's profile, opening hours, plan and limits.
         * @description **Access:** people who are signed in, whatever their role.
         */
        get: operations["merchant_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** @description **Access:** role `owner`; not for API keys. */
        patch: operations["merchant_update"];
        trace?: never;
    };
    "/api/merchant/inbound-secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Makes the secret that the merchant’s own systems sign their calls to `POST /webhooks/bot` with. It is shown this once; the one before counts
         *     for 24 h more.
         * @description **Access:** role `owner`; not for API keys.
         */
        post: operations["merchant_newInboundSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/channels": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `channels:read`. */
        get: operations["channels_list"];
        put?: never;
        /**
         * A new channel. The merchant's first one becomes its default. One of kind baileys waits for `connect` and a phone to scan its QR code.
         * @description **Access:** scope `channels:write`.
         */
        post: operations["channels_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/channels/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `channels:read`. */
        get: operations["channels_get"];
        put?: never;
        post?: never;
        /**
         * Logs the channel out and removes it. Its chats and messages stay; what waits to be sent by it fails.
         * @description **Access:** scope `channels:write`.
         */
        delete: operations["channels_remove"];
        options?: never;
        head?: never;
        /**
         * Changes what is given. A changed config is taken up at once.
         * @description **Access:** scope `channels:write`.
         */
        patch: operations["channels_update"];
        trace?: never;
    };
    "/api/channels/{id}/connect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description **Access:** scope `channels:write`. */
        post: operations["channels_connect"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/channels/{id}/disconnect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Leaves the network; what is linked stays linked.
         * @description **Access:** scope `channels:write`.
         */
        post: operations["channels_disconnect"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/channels/{id}/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ends the link for good: the phone forgets this device, and its keys are wiped.
         * @description **Access:** scope `channels:write`.
         */
        post: operations["channels_logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/channels/{id}/qr": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the phone must scan: WhatsApp, Linked devices, Link a device. A new code comes every 20 to 60 seconds.
         * @description **Access:** scope `channels:write`.
         */
        get: operations["channels_qr"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/channels/{id}/pairing-code": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Links by a code instead of a picture: type it on the phone, under Linked devices, Link with phone number. Idempotency keys mean nothing here.
         * @description **Access:** scope `channels:write`.
         */
        post: operations["channels_pairingCode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/whatsapp/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `channels:read`. */
        get: operations["whatsapp_status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/whatsapp/send": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Queues a message. Messages to one chat leave in the order in which they were accepted.
         * @description **Access:** scope `messages:write`.
         */
        post: operations["whatsapp_send"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/whatsapp/messages/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `messages:read`. */
        get: operations["whatsapp_message"];
        put?: never;
        post?: never;
        /**
         * Takes back a message that is still scheduled for later.
         * @description **Access:** scope `messages:write`.
         */
        delete: operations["whatsapp_cancel"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/whatsapp/scheduled": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Messages that are to be sent later, the next first.
         * @description **Access:** scope `messages:read`.
         */
        get: operations["whatsapp_scheduled"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/whatsapp/chats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Newest activity first.
         * @description **Access:** scope `messages:read`.
         */
        get: operations["whatsapp_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/whatsapp/chats/{id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Newest first.
         * @description **Access:** scope `messages:read`.
         */
        get: operations["whatsapp_messages"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/whatsapp/chats/{id}/handover": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A person takes the chat; the bot is silent until it is released, or for some minutes.
         * @description **Access:** scope `messages:write`.
         */
        post: operations["whatsapp_handover"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/whatsapp/chats/{id}/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The bot takes the chat again.
         * @description **Access:** scope `messages:write`.
         */
        post: operations["whatsapp_release"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/whatsapp/chats/{id}/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A person has read the chat: nothing in it is unread, and the customer sees that.
         * @description **Access:** scope `messages:write`.
         */
        post: operations["whatsapp_read"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/contacts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Newest first.
         * @description **Access:** scope `messages:read`.
         */
        get: operations["contacts_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/contacts/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * With the chats that there are with the customer.
         * @description **Access:** scope `messages:read`.
         */
        get: operations["contacts_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Gives the customer a name of the merchant's own or tags, notes that they agreed to marketing, or blocks or unblocks them.
         * @description **Access:** scope `messages:write`.
         */
        patch: operations["contacts_update"];
        trace?: never;
    };
    "/api/simulator/channels/{id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The customer's phone writes. The same waMessageId again is the same message.
         * @description **Access:** scope `channels:write`.
         */
        post: operations["simulator_write"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/simulator/channels/{id}/phones/{phone}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the phone has received, in order.
         * @description **Access:** scope `channels:read`.
         */
        get: operations["simulator_received"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/simulator/channels/{id}/phones/{phone}/receipts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The phone tells that a message has arrived or was read.
         * @description **Access:** scope `channels:write`.
         */
        post: operations["simulator_receipt"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/templates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `templates:read`. */
        get: operations["templates_list"];
        put?: never;
        /**
         * A new template, or one more language of a name that there is. WhatsApp's limits are checked with the examples and the defaults of its variables.
         * @description **Access:** scope `templates:write`.
         */
        post: operations["templates_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/templates/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The text with values in it, and what each kind of channel would carry. Nothing is sent or stored.
         * @description **Access:** scope `templates:read`.
         */
        post: operations["templates_preview"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/templates/sync": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Asks Meta how the counterparts stand. What is paused, disabled or gone there is not used any more, and an event tells it. Idempotency keys mean nothing here.
         * @description **Access:** scope `templates:write`.
         */
        post: operations["templates_sync"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/templates/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `templates:read`. */
        get: operations["templates_get"];
        put?: never;
        post?: never;
        /**
         * Its versions stay, for the messages that were made of them.
         * @description **Access:** scope `templates:write`.
         */
        delete: operations["templates_remove"];
        options?: never;
        head?: never;
        /**
         * Changes what is given, which makes a version; what leaves it as it was makes none.
         * @description **Access:** scope `templates:write`.
         */
        patch: operations["templates_update"];
        trace?: never;
    };
    "/api/templates/{id}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Every state that it was in, newest first: by whom, why, and what was changed.
         * @description **Access:** scope `templates:read`.
         */
        get: operations["templates_versions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/templates/{id}/versions/diff": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What is different between two versions.
         * @description **Access:** scope `templates:read`.
         */
        get: operations["templates_diff"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/templates/{id}/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Makes it as it was in an earlier version: that is a new version.
         * @description **Access:** scope `templates:write`.
         */
        post: operations["templates_rollback"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/broadcasts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Newest first.
         * @description **Access:** scope `messages:read`.
         */
        get: operations["broadcasts_list"];
        put?: never;
        /**
         * A draft, which somebody starts, or with `sendAt` the clock. Marketing goes to those alone who have agreed to it.
         * @description **Access:** scope `messages:write`.
         */
        post: operations["broadcasts_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/broadcasts/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * How many would get it, who would not, and what the first of them would read. Nothing is sent or stored.
         * @description **Access:** scope `messages:read`.
         */
        post: operations["broadcasts_preview"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/broadcasts/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `messages:read`. */
        get: operations["broadcasts_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/broadcasts/{id}/recipients": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What became of each message, in the order in which they are written; nobody before it has started.
         * @description **Access:** scope `messages:read`.
         */
        get: operations["broadcasts_recipients"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/broadcasts/{id}/start": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Now, also where it was scheduled for later. Who gets it is fixed by this.
         * @description **Access:** scope `messages:write`.
         */
        post: operations["broadcasts_start"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/broadcasts/{id}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * From now on nothing more of it is queued. The few messages that are queued already go.
         * @description **Access:** scope `messages:write`.
         */
        post: operations["broadcasts_pause"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/broadcasts/{id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description **Access:** scope `messages:write`. */
        post: operations["broadcasts_resume"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/broadcasts/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * For good. What is queued and not on its way yet is taken back too.
         * @description **Access:** scope `messages:write`.
         */
        post: operations["broadcasts_cancel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/media/upload": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A picture (5 MB), a video (50 MB), a document (10 MB) or a sound (15 MB): as `multipart/form-data` in the field `file`, or as JSON
         *     with the bytes in base64. What it is is told by its bytes. Pictures are `processing` at first; `GET /api/media/{id}` tells when they are
         *     `ready`.
         * @description **Access:** scope `media:write`.
         */
        post: operations["media_upload"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/upload/media": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The same as `POST /api/media/upload`.
         * @description **Access:** scope `media:write`.
         */
        post: operations["media_uploadMedia"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/media": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Newest first, those that customers sent among them.
         * @description **Access:** scope `media:read`.
         */
        get: operations["media_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/media/{media_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `media:read`. */
        get: operations["media_get"];
        put?: never;
        post?: never;
        /**
         * Refused while a product, a template, a delivery or a message that waits to be sent uses the file.
         * @description **Access:** scope `media:write`.
         */
        delete: operations["media_remove"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/upload/signed-url/{path}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A new link, for an hour, to what lies at a `path`. Its slashes may be written as `%2F` or as they are.
         * @description **Access:** scope `media:read`.
         */
        get: operations["media_signedUrl"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/upload/{path}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Deletes what lies at a `path`, with every file that has the same bytes.
         * @description **Access:** scope `media:write`.
         */
        delete: operations["media_removePath"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/products": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `catalog:read`. */
        get: operations["products_list"];
        put?: never;
        /** @description **Access:** scope `catalog:write`. */
        post: operations["products_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/products/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `catalog:read`. */
        get: operations["products_get"];
        put?: never;
        post?: never;
        /**
         * Orders that have it stay as they are, and its SKU may be used again.
         * @description **Access:** scope `catalog:write`.
         */
        delete: operations["products_remove"];
        options?: never;
        head?: never;
        /** @description **Access:** scope `catalog:write`. */
        patch: operations["products_update"];
        trace?: never;
    };
    "/api/products/{id}/stock": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The ledger: every movement of the product’s stock, newest first.
         * @description **Access:** scope `catalog:read`.
         */
        get: operations["products_ledger"];
        put?: never;
        /**
         * Units come in, or get lost.
         * @description **Access:** scope `catalog:write`.
         */
        post: operations["products_adjust"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/products/{id}/media": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The product’s pictures, in their order; there are ten at most.
         * @description **Access:** scope `catalog:read`.
         */
        get: operations["products_pictures"];
        put?: never;
        /**
         * Adds an uploaded picture, or moves one that is there already. The first one is what customers see.
         * @description **Access:** scope `catalog:write`.
         */
        post: operations["products_addPicture"];
        /**
         * Takes pictures away from the product; the files stay among the media.
         * @description **Access:** scope `catalog:write`.
         */
        delete: operations["products_removePictures"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/products/{id}/media/{mediaId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** @description **Access:** scope `catalog:write`. */
        delete: operations["products_removePicture"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/products/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All products, as a spreadsheet opens them and `POST /api/products/import` takes them.
         * @description **Access:** scope `catalog:read`.
         */
        get: operations["productsCsv_export"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/products/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Makes the products of a CSV file (5,000 at most, 4 MB), and changes those whose `sku` is there. The first line names the columns: `sku`, `name`,
         *     `description`, `category`, `price` (a plain number in the merchant’s currency), `stock`, `low_stock_at`, `active`. A column that is missing
         *     leaves its field alone. Lines that are wrong are told, and do not hold up the others.
         * @description **Access:** scope `catalog:write`.
         */
        post: operations["productsCsv_import"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/orders": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Newest first.
         * @description **Access:** scope `orders:read`.
         */
        get: operations["orders_list"];
        put?: never;
        /**
         * Takes an order in. A job then reserves its stock, and confirms or rejects it; one that is to be paid first is confirmed once its money
         *     is there, and its goods are kept for it for half an hour.
         * @description **Access:** scope `orders:write`.
         */
        post: operations["orders_place"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/orders/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `orders:read`. */
        get: operations["orders_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/orders/{id}/transitions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Moves the order on. 409 `invalid_transition` names what is allowed.
         * @description **Access:** scope `orders:write`.
         */
        post: operations["orders_act"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/orders/{id}/payments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Oldest first.
         * @description **Access:** scope `payments:read`.
         */
        get: operations["orders_payments"];
        put?: never;
        /**
         * Writes down money that came in (`cash_on_delivery`, `transfer`), or asks for it by a `payment_link`, whose `url` is there a moment later and
         *     is sent to the customer.
         * @description **Access:** scope `payments:write`.
         */
        post: operations["orders_pay"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/payments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Newest first.
         * @description **Access:** scope `payments:read`.
         */
        get: operations["payments_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/payments/{id}/refunds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Gives money back: Stripe is asked to; of anything else it is written down that a person has.
         * @description **Access:** scope `payments:write`.
         */
        post: operations["payments_refund"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/payment-methods": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `payments:read`. */
        get: operations["paymentMethods_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/payment-methods/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Sets a method up, or turns it on or off. Secrets are kept encrypted and shown by their ends.
         * @description **Access:** role `owner`; not for API keys.
         */
        put: operations["paymentMethods_update"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Newest first.
         * @description **Access:** scope `deliveries:read`.
         */
        get: operations["deliveries_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/deliveries/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `deliveries:read`. */
        get: operations["deliveries_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/deliveries/{id}/assign": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Gives it to a driver, or to another one, until somebody sets out with it. Not for drivers.
         * @description **Access:** scope `deliveries:write`.
         */
        post: operations["deliveries_assign"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/deliveries/{id}/start": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The driver sets out, and the order with it. The customer is sent a code and a link to follow the way.
         * @description **Access:** scope `deliveries:write`.
         */
        post: operations["deliveries_start"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/deliveries/{id}/location": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Where the driver is now, as often as the phone likes.
         * @description **Access:** scope `deliveries:write`.
         */
        post: operations["deliveries_locate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/deliveries/{id}/photo": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A photo of what is handed over, as `POST /api/media/upload` takes it. Its id completes the delivery.
         * @description **Access:** scope `deliveries:write`.
         */
        post: operations["deliveries_photo"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/deliveries/{id}/complete": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The customer has it, as the code shows that they were sent, or a photo. The order is delivered too. Five wrong codes: none is taken for 15 minutes.
         * @description **Access:** scope `deliveries:write`.
         */
        post: operations["deliveries_complete"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/deliveries/{id}/fail": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * It comes back. The order stays on its way, for another try.
         * @description **Access:** scope `deliveries:write`.
         */
        post: operations["deliveries_fail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/deliveries/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * One that failed waits for a driver again. Not for drivers.
         * @description **Access:** scope `deliveries:write`.
         */
        post: operations["deliveries_retry"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/track/{token}/state": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the customer’s page `GET /track/{token}` shows now. With the last `ETag` in `If-None-Match`, 304 while nothing has changed.
         * @description **Access:** everybody.
         */
        get: operations["tracking_state"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `webhooks:read`. */
        get: operations["webhooks_list"];
        put?: never;
        /**
         * Subscribes a URL to what happens from now on. The answer shows the signing secret this once.
         * @description **Access:** scope `webhooks:write`.
         */
        post: operations["webhooks_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `webhooks:read`. */
        get: operations["webhooks_get"];
        put?: never;
        post?: never;
        /** @description **Access:** scope `webhooks:write`. */
        delete: operations["webhooks_remove"];
        options?: never;
        head?: never;
        /** @description **Access:** scope `webhooks:write`. */
        patch: operations["webhooks_update"];
        trace?: never;
    };
    "/api/webhooks/{id}/rotate-secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A new signing secret, shown this once. For 24 hours calls are signed with the one before, too; with one before that no more.
         * @description **Access:** scope `webhooks:write`.
         */
        post: operations["webhooks_rotateSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/{id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sends the catalogue's example of one event type, whatever is subscribed to.
         * @description **Access:** scope `webhooks:write`.
         */
        post: operations["webhooks_test"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/{id}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Each attempt of the last 30 days, newest first.
         * @description **Access:** scope `webhooks:read`.
         */
        get: operations["webhooks_logs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/logs/{logId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `webhooks:read`. */
        get: operations["webhooks_log"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/logs/{logId}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sends the event of an attempt again, under the same `webhook-id`. Where a retry is planned, that is made now.
         * @description **Access:** scope `webhooks:write`.
         */
        post: operations["webhooks_replay"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/{id}/recover": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sends everything again that has not been delivered since then: what failed, and what happened while the subscription was off.
         * @description **Access:** scope `webhooks:write`.
         */
        post: operations["webhooks_recover"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/{id}/recoveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Newest first.
         * @description **Access:** scope `webhooks:read`.
         */
        get: operations["webhooks_listRecoveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/recoveries/{recoveryId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** scope `webhooks:read`. */
        get: operations["webhooks_recovery"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/event-types": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Every event that there is, each with its JSON Schema and an example. The same in words: docs/event-types.md.
         * @description **Access:** scope `events:read`.
         */
        get: operations["eventTypes_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What has happened, oldest first, without gaps: those events that your scopes let you read. Give `nextCursor`, which is there at the
         *     end too, as `after` to read on.
         * @description **Access:** scope `events:read`.
         */
        get: operations["history_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/events/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What happens, as Server-Sent Events: from now on, or behind the event `after`, or, when a client connects again, behind the
         *     event that `Last-Event-ID` names. Each `data` is an event as in the list; `event: end` says why we close.
         * @description **Access:** scope `events:read`.
         */
        get: operations["history_stream"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhooks/whatsapp/{channelId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Meta’s handshake: the challenge comes back when the token is the channel’s `verifyToken`.
         * @description **Access:** everybody.
         */
        get: operations["whatsappWebhook_challenge"];
        put?: never;
        /**
         * Messages and statuses, signed with the channel’s `appSecret`. 200 means that they are kept: they are read afterwards.
         * @description **Access:** everybody.
         */
        post: operations["whatsappWebhook_receive"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhooks/payments/{provider}/{merchantId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Signed as the provider signs: `Stripe-Signature`, or Standard Webhooks. 200 means that it is kept, also where it is about nothing of ours.
         * @description **Access:** everybody.
         */
        post: operations["paymentsWebhook_receive"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhooks/bot": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Signed by Standard Webhooks with the merchant’s inbound secret (`POST /api/merchant/inbound-secret`). `event_type` is one of `message.send`,
         *     `order.transition`, `stock.adjust` and `contact.update`; each payload is the body of the same call by REST. The same `webhook-id` again is given
         *     the first answer, and nothing is done twice. Counts as a request of the merchant.
         * @description **Access:** everybody.
         */
        post: operations["botWebhook_receive"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who changed what, newest first.
         * @description **Access:** scope `audit:read`.
         */
        get: operations["audit_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/admin/merchants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** role `ops`; not for API keys. */
        get: operations["admin_listMerchants"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/admin/merchants/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Changes a merchant's plan, and with it its rate limits.
         * @description **Access:** role `ops`; not for API keys.
         */
        patch: operations["admin_changePlan"];
        trace?: never;
    };
    "/api/admin/api-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * API keys of all merchants, or of one.
         * @description **Access:** role `ops`; not for API keys.
         */
        get: operations["admin_listKeys"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/admin/api-keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revokes any merchant's key: its next call is refused.
         * @description **Access:** role `ops`; not for API keys.
         */
        delete: operations["admin_revokeKey"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/admin/queues": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How much waits, runs and has failed in each queue.
         * @description **Access:** role `ops`; not for API keys.
         */
        get: operations["admin_listQueues"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/admin/jobs/{queue}/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** role `ops`; not for API keys. */
        get: operations["admin_job"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/admin/breakers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether what lies outside is called, or left alone because it failed too often.
         * @description **Access:** role `ops`; not for API keys.
         */
        get: operations["admin_listBreakers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/admin/dead-letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Newest first. Inbound messages that could not be stored are tried again by themselves after 5 min, 30 min, 2 h, 6 h and 12 h, and then
         *     rest; everything else has had its tries and rests until somebody asks.
         * @description **Access:** role `ops`; not for API keys.
         */
        get: operations["deadLetters_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/admin/dead-letters/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Has many tried at once: those with these ids, or those of a kind. It can be repeated with `next` until that is missing.
         * @description **Access:** role `ops`; not for API keys.
         */
        post: operations["deadLetters_retryMany"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/admin/dead-letters/discard": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Gives many up for good.
         * @description **Access:** role `ops`; not for API keys.
         */
        post: operations["deadLetters_discardMany"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/admin/dead-letters/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** role `ops`; not for API keys. */
        get: operations["deadLetters_get"];
        put?: never;
        post?: never;
        /**
         * Gives it up for good.
         * @description **Access:** role `ops`; not for API keys.
         */
        delete: operations["deadLetters_discard"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/admin/dead-letters/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Has it tried at once, also one that rests.
         * @description **Access:** role `ops`; not for API keys.
         */
        post: operations["deadLetters_retry"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description **Access:** everybody. */
        get: operations["health_health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether the process answers at all.
         * @description **Access:** everybody.
         */
        get: operations["health_live"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Each part that requests need, with its latency; 503 while one is away.
         * @description **Access:** everybody.
         */
        get: operations["health_ready"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        RegisterMerchantBody: {
            /** @example Mbare Market */
            name: string;
            /**
             * @description ISO 4217; USD when missing.
             * @example USD
             */
            currency?: string;
            /**
             * @description IANA name; UTC when missing.
             * @example Africa/Harare
             */
            timezone?: string;
            /**
             * @description BCP 47; en when missing.
             * @example en
             */
            locale?: string;
        };
        RegisterBody: {
            /**
             * Format: email
             * @example owner@example.com
             */
            email: string;
            /**
             * @description 8 characters to 72 bytes: bcrypt reads no more.
             * @example correct-horse-battery
             */
            password: string;
            /** @example Tariro Moyo */
            name: string;
            merchant: components["schemas"]["RegisterMerchantBody"];
        };
        UserView: {
            /** Format: uuid */
            id: string;
            /** @example owner@example.com */
            email: string;
            /** @example Tariro Moyo */
            name: string;
            /**
             * @example owner
             * @enum {string}
             */
            role: "agent" | "driver" | "ops" | "owner";
        };
        MerchantView: {
            /** Format: uuid */
            id: string;
            /** @example Mbare Market */
            name: string;
            /** @example USD */
            currency: string;
            /** @example Africa/Harare */
            timezone: string;
            /** @example en */
            locale: string;
        };
        SessionView: {
            /** @example eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJleGFtcGxlIn0.c2lnbmF0dXJl */
            accessToken: string;
            /**
             * @example Bearer
             * @enum {string}
             */
            tokenType: "Bearer";
            /**
             * @description Seconds.
             * @example 604800
             */
            expiresIn: number;
            user: components["schemas"]["UserView"];
            merchant: components["schemas"]["MerchantView"];
        };
        LoginBody: {
            /**
             * Format: email
             * @example owner@example.com
             */
            email: string;
            /** @example correct-horse-battery */
            password: string;
        };
        MeView: {
            user: components["schemas"]["UserView"];
            merchant: components["schemas"]["MerchantView"];
        };
        ChangePasswordBody: {
            /** @example correct-horse-battery */
            currentPassword: string;
            /**
             * @description 8 characters to 72 bytes.
             * @example staple-correct-horse
             */
            newPassword: string;
        };
        TeamUserView: {
            /** Format: uuid */
            id: string;
            /** @example owner@example.com */
            email: string;
            /** @example Tariro Moyo */
            name: string;
            /**
             * @example owner
             * @enum {string}
             */
            role: "agent" | "driver" | "ops" | "owner";
            /** Format: date-time */
            createdAt: string;
        };
        CreateUserBody: {
            /**
             * Format: email
             * @description Names one person on the whole platform.
             * @example farai@example.com
             */
            email: string;
            /** @example Farai Dube */
            name: string;
            /**
             * @example agent
             * @enum {string}
             */
            role: "agent" | "driver" | "owner";
            /**
             * @description To sign in with; 8 characters to 72 bytes.
             * @example correct-horse-battery
             */
            password: string;
        };
        UpdateUserBody: {
            /** @example Farai Dube */
            name?: string;
            /**
             * @example driver
             * @enum {string}
             */
            role?: "agent" | "driver" | "owner";
            /**
             * @description Ends the person's sessions.
             * @example staple-correct-horse
             */
            password?: string;
        };
        PhoneCodeView: {
            /**
             * @description Six digits, for one phone.
             * @example 482913
             */
            code: string;
            /** Format: date-time */
            expiresAt: string;
            /**
             * @description What to write to the shop's number.
             * @example link 482913
             */
            text: string;
        };
        StaffPhoneView: {
            /**
             * @description Missing where WhatsApp hides it.
             * @example +263771234567
             */
            phone?: string;
            /**
             * @description What the person is called on WhatsApp.
             * @example Farai
             */
            name?: string;
            /** Format: date-time */
            linkedAt: string;
        };
        ApiKeyView: {
            /** Format: uuid */
            id: string;
            /** @example Accounting system */
            name: string;
            /**
             * @description The end of the key, to know it again by.
             * @example sk_…x7Qa
             */
            hint: string;
            /**
             * @example [
             *       "orders:read",
             *       "events:read"
             *     ]
             */
            scopes: string[];
            /** @example 2036-01-01T00:00:00.000Z */
            expiresAt?: string;
            /**
             * @description To the minute.
             * @example 2026-11-24T09:30:00.000Z
             */
            lastUsedAt?: string;
            /**
             * @description The id of the user who made it.
             * @example 01990000-0000-7000-8000-000000000002
             */
            createdBy: string;
            /** Format: date-time */
            createdAt: string;
        };
        CreateApiKeyBody: {
            /** @example Accounting system */
            name: string;
            /**
             * @description What the key may do.
             * @example [
             *       "orders:read",
             *       "events:read"
             *     ]
             */
            scopes: ("audit:read" | "catalog:read" | "catalog:write" | "channels:read" | "channels:write" | "deliveries:read" | "deliveries:write" | "events:read" | "media:read" | "media:write" | "messages:read" | "messages:write" | "orders:read" | "orders:write" | "payments:read" | "payments:write" | "templates:read" | "templates:write" | "webhooks:read" | "webhooks:write")[];
            /**
             * Format: date-time
             * @description Never when missing.
             * @example 2036-01-01T00:00:00Z
             */
            expiresAt?: string;
        };
        CreatedApiKeyView: {
            /** Format: uuid */
            id: string;
            /** @example Accounting system */
            name: string;
            /**
             * @description The end of the key, to know it again by.
             * @example sk_…x7Qa
             */
            hint: string;
            /**
             * @example [
             *       "orders:read",
             *       "events:read"
             *     ]
             */
            scopes: string[];
            /** @example 2036-01-01T00:00:00.000Z */
            expiresAt?: string;
            /**
             * @description To the minute.
             * @example 2026-11-24T09:30:00.000Z
             */
            lastUsedAt?: string;
            /**
             * @description The id of the user who made it.
             * @example 01990000-0000-7000-8000-000000000002
             */
            createdBy: string;
            /** Format: date-time */
            createdAt: string;
            /**
             * @description Shown this once.
             * @example sk_Zm9yIGV4YW1wbGUgb25seTogdGhpcyBpcyBubyBrZXk
             */
            key: string;
        };
        OpeningSpan: {
            /**
             * @description Local time.
             * @example 08:00
             */
            from: string;
            /**
             * @description Local time, 24:00 for the end of the day.
             * @example 17:30
             */
            to: string;
        };
        OpeningHours: {
            monday?: components["schemas"]["OpeningSpan"][];
            tuesday?: components["schemas"]["OpeningSpan"][];
            wednesday?: components["schemas"]["OpeningSpan"][];
            thursday?: components["schemas"]["OpeningSpan"][];
            friday?: components["schemas"]["OpeningSpan"][];
            saturday?: components["schemas"]["OpeningSpan"][];
            sunday?: components["schemas"]["OpeningSpan"][];
        };
        LimitView: {
            /** @example 6000 */
            requests: number;
            /** @example 900 */
            windowSeconds: number;
        };
        LimitsView: {
            api: components["schemas"]["LimitView"];
            messages: components["schemas"]["LimitView"];
            uploads: components["schemas"]["LimitView"];
        };
        InboundSecretView: {
            /**
             * Format: date-time
             * @description When the one that counts was made.
             */
            createdAt: string;
            /**
             * @description Until then the one before counts, too.
             * @example 2026-11-25T09:30:00.000Z
             */
            oldValidUntil?: string;
        };
        MerchantProfileView: {
            /** Format: uuid */
            id: string;
            /** @example Mbare Market */
            name: string;
            /** @example USD */
            currency: string;
            /** @example Africa/Harare */
            timezone: string;
            /** @example en */
            locale: string;
            openingHours?: components["schemas"]["OpeningHours"];
            /** @example 3 */
            cartReminderHours?: number;
            /** @example 120 */
            handoverMinutes?: number;
            /**
             * @description The bot answers no customer now.
             * @example true
             */
            botPaused?: boolean;
            /**
             * @example standard
             * @enum {string}
             */
            plan: "standard" | "trial";
            /** @description What the plan allows. */
            limits: components["schemas"]["LimitsView"];
            /** Format: date-time */
            createdAt: string;
            /** @description Of the secret that the merchant’s own systems sign their calls with; missing while there is none. */
            inboundSecret?: components["schemas"]["InboundSecretView"];
        };
        NewInboundSecretView: {
            /**
             * Format: date-time
             * @description When the one that counts was made.
             */
            createdAt: string;
            /**
             * @description Until then the one before counts, too.
             * @example 2026-11-25T09:30:00.000Z
             */
            oldValidUntil?: string;
            /**
             * @description Shown this once.
             * @example whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=
             */
            secret: string;
        };
        UpdateMerchantBody: {
            /** @example Mbare Market */
            name?: string;
            /**
             * @description IANA name.
             * @example Africa/Harare
             */
            timezone?: string;
            /**
             * @description BCP 47.
             * @example en
             */
            locale?: string;
            openingHours?: components["schemas"]["OpeningHours"];
            /**
             * @description Hours after which a customer is reminded, once, of a cart that was left; null for never.
             * @example 3
             */
            cartReminderHours?: number | null;
            /**
             * @description Minutes after which the bot takes up a chat again that a person has; null for not before it is released.
             * @example 120
             */
            handoverMinutes?: number | null;
            /**
             * @description The bot answers no customer; what they write waits for a person.
             * @example false
             */
            botPaused?: boolean;
        };
        ChannelView: {
            /** Format: uuid */
            id: string;
            /** @example Shop phone */
            name: string;
            /**
             * @example simulator
             * @enum {string}
             */
            kind: "baileys" | "cloud" | "simulator";
            /** @example +263771000000 */
            phone?: string;
            /** @example true */
            isDefault: boolean;
            /**
             * @example connected
             * @enum {string}
             */
            status: "awaiting_scan" | "connected" | "connecting" | "disconnected" | "failed" | "logged_out";
            /**
             * @description What has happened, or what to do.
             * @example the phone has removed this device
             */
            reason?: string;
            /**
             * @description Without the secrets.
             * @example {
             *       "newChatsPerDay": 50
             *     }
             */
            config: {
                [key: string]: unknown;
            };
            /**
             * @description WhatsApp lets it begin no chats until then; those that exist go on.
             * @example 2026-11-25T08:00:00.000Z
             */
            restrictedUntil?: string;
            /** Format: date-time */
            createdAt: string;
        };
        ChannelConfigBody: {
            /**
             * @description Of a cloud channel: the id of the number at Meta, not the number.
             * @example 106540352242922
             */
            phoneNumberId?: string;
            /**
             * @description Of a cloud channel: the WhatsApp Business Account.
             * @example 102290129340398
             */
            wabaId?: string;
            /**
             * @description Of a cloud channel: a permanent token of a system user.
             * @example EAAJB...
             */
            accessToken?: string;
            /**
             * @description Of a cloud channel: signs what Meta sends to us.
             * @example 5f2b1c8e0d
             */
            appSecret?: string;
            /**
             * @description Of a cloud channel: any word of yours; give the same one to Meta.
             * @example my-verify-token
             */
            verifyToken?: string;
            /**
             * @description Of a cloud channel: what Meta allows the number. 80 when missing.
             * @example 80
             */
            messagesPerSecond?: number;
            /**
             * @description Of a baileys channel: with how many people it may begin a chat in 24 hours. When missing, few at first and more with its age.
             * @example 50
             */
            newChatsPerDay?: number;
            /**
             * @description Of a baileys channel: seconds between two chats that it begins, at least. 4 when missing.
             * @example 4
             */
            newChatGapSeconds?: number;
        };
        CreateChannelBody: {
            /** @example Shop phone */
            name: string;
            /**
             * @example simulator
             * @enum {string}
             */
            kind: "baileys" | "cloud" | "simulator";
            /**
             * Format: phone
             * @description The number that customers write to.
             * @example +263771000000
             */
            phone?: string;
            /**
             * @description What its kind needs: cloud `phoneNumberId`, `accessToken`, `appSecret` and `verifyToken`; the others nothing.
             * @example {}
             */
            config?: components["schemas"]["ChannelConfigBody"];
        };
        UpdateChannelBody: {
            /** @example Shop phone */
            name?: string;
            /**
             * Format: phone
             * @example +263771000000
             */
            phone?: string;
            /**
             * @description Makes it the default; there always is one, so false is refused.
             * @example true
             * @enum {boolean}
             */
            isDefault?: true;
            /**
             * @description Only what is given changes.
             * @example {
             *       "newChatsPerDay": 50
             *     }
             */
            config?: components["schemas"]["ChannelConfigBody"];
        };
        QrView: {
            /**
             * @description What the phone must scan.
             * @example https://wa.me/settings/linked_devices#2@...
             */
            qr: string;
            /**
             * @description The same as a picture, a data URL.
             * @example data:image/png;base64,iVBORw0KGgo=
             */
            png: string;
            /** Format: date-time */
            expiresAt: string;
        };
        PairingCodeBody: {
            /**
             * Format: phone
             * @description The number of the phone that shall be linked.
             * @example +263771000000
             */
            phone: string;
        };
        PairingCodeView: {
            /**
             * @description To be typed on the phone, under Linked devices.
             * @example ABCD1234
             */
            code: string;
            /** Format: date-time */
            expiresAt: string;
        };
        ChannelStatusView: {
            /** Format: uuid */
            channelId: string;
            /**
             * @example simulator
             * @enum {string}
             */
            kind: "baileys" | "cloud" | "simulator";
            /**
             * @example connected
             * @enum {string}
             */
            status: "awaiting_scan" | "connected" | "connecting" | "disconnected" | "failed" | "logged_out";
            /** @example +263771000000 */
            phone?: string;
            /** Format: date-time */
            lastConnectedAt?: string;
            /** @example the phone is offline */
            reason?: string;
        };
        TextContent: {
            /** @example Hello */
            body: string;
            previewUrl?: boolean;
        };
        ReplyButton: {
            /** @example yes */
            id: string;
            /** @example Yes */
            title: string;
        };
        ButtonsContent: {
            header?: string;
            /** @example Is that right? */
            body: string;
            footer?: string;
            buttons: components["schemas"]["ReplyButton"][];
        };
        ListRow: {
            /** @example rice */
            id: string;
            /** @example Rice 5 kg */
            title: string;
            description?: string;
        };
        ListSection: {
            title?: string;
            rows: components["schemas"]["ListRow"][];
        };
        ListContent: {
            header?: string;
            /** @example What would you like? */
            body: string;
            footer?: string;
            /** @example Choose */
            button: string;
            sections: components["schemas"]["ListSection"][];
        };
        MediaContent: {
            /**
             * Format: uuid
             * @example 019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071
             */
            mediaId: string;
            /**
             * @description Under a picture, a video or a document.
             * @example Fresh today
             */
            caption?: string;
        };
        LocationContent: {
            /** @example -17.8292 */
            latitude: number;
            /** @example 31.0522 */
            longitude: number;
            name?: string;
            address?: string;
        };
        TemplateContent: {
            /** @example order_confirmation */
            name: string;
            /** @description BCP 47; the merchant's own language when missing. */
            language?: string;
            /**
             * @example {
             *       "name": "Rudo",
             *       "number": 42
             *     }
             */
            variables: {
                [key: string]: unknown;
            };
        };
        SendMessageBody: {
            /**
             * Format: phone
             * @description The customer's number.
             * @example +263771234567
             */
            to?: string;
            /**
             * Format: uuid
             * @description In place of `to`, and the only way to write to a customer whose number WhatsApp hides.
             */
            chatId?: string;
            /**
             * Format: uuid
             * @description The merchant's default channel when missing; with `chatId`, that of the chat.
             */
            channelId?: string;
            /**
             * Format: uuid
             * @description The id of one of our messages that this one answers.
             */
            replyTo?: string;
            /**
             * Format: date-time
             * @description Not before this time.
             */
            sendAt?: string;
            /**
             * @description What the message is for; `utility` when missing. `marketing` is refused (409 `opted_out`) for customers who want none.
             * @enum {string}
             */
            category?: "authentication" | "marketing" | "utility";
            /** @example Hello */
            message?: string;
            /** @enum {string} */
            type?: "buttons" | "list" | "location" | "media" | "template" | "text";
            text?: components["schemas"]["TextContent"];
            buttons?: components["schemas"]["ButtonsContent"];
            list?: components["schemas"]["ListContent"];
            media?: components["schemas"]["MediaContent"];
            location?: components["schemas"]["LocationContent"];
            template?: components["schemas"]["TemplateContent"];
        };
        QueuedView: {
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            chatId: string;
            /**
             * @description Missing where WhatsApp hides the number.
             * @example +263771234567
             */
            to?: string;
            /** @enum {string} */
            status: "queued";
            /** @example 2026-11-25T08:00:00.000Z */
            scheduledFor?: string;
        };
        TimelineEntry: {
            /**
             * @example sent
             * @enum {string}
             */
            status: "cancelled" | "delivered" | "failed" | "queued" | "read" | "received" | "sending" | "sent";
            /** Format: date-time */
            at: string;
        };
        MessageErrorView: {
            /** @example recipient_unreachable */
            code: string;
            /** @example This number is not on WhatsApp. */
            message: string;
        };
        MessageTemplateView: {
            /** @example 01990000-0000-7000-8000-000000000004 */
            id: string;
            /** @example 2 */
            version: number;
        };
        MessageDetailView: {
            timeline: components["schemas"]["TimelineEntry"][];
            error?: components["schemas"]["MessageErrorView"];
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            chatId: string;
            /** Format: uuid */
            channelId: string;
            /**
             * @example outbound
             * @enum {string}
             */
            direction: "inbound" | "outbound";
            /**
             * @description Sent: text, buttons, list, media or location. Received: text, reply (an option that was tapped, or written back), location, image, video,
             *     audio, document, sticker, contacts, order, or unsupported.
             * @example text
             */
            type: string;
            /**
             * @description In the shape it was sent with.
             * @example {
             *       "type": "text",
             *       "text": {
             *         "body": "Hello"
             *       }
             *     }
             */
            content: Record<string, never>;
            /**
             * @description What a person would read.
             * @example Hello
             */
            text: string;
            /**
             * @description Received messages: received, read (answered) or failed (the bot could not answer). Sent ones: queued, sending, sent, delivered, read, failed or cancelled.
             * @example delivered
             * @enum {string}
             */
            status: "cancelled" | "delivered" | "failed" | "queued" | "read" | "received" | "sending" | "sent";
            /** @example SOKO0198F0C2A7E27CC0 */
            waMessageId?: string;
            /** @example 01990000-0000-7000-8000-000000000002 */
            replyTo?: string;
            /** @description The template that it was made of, as that was then: GET /api/templates/:id/versions. */
            template?: components["schemas"]["MessageTemplateView"];
            /**
             * @description It was to be sent not before this time.
             * @example 2026-11-26T08:00:00.000Z
             */
            scheduledFor?: string;
            /** Format: date-time */
            createdAt: string;
        };
        MessageView: {
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            chatId: string;
            /** Format: uuid */
            channelId: string;
            /**
             * @example outbound
             * @enum {string}
             */
            direction: "inbound" | "outbound";
            /**
             * @description Sent: text, buttons, list, media or location. Received: text, reply (an option that was tapped, or written back), location, image, video,
             *     audio, document, sticker, contacts, order, or unsupported.
             * @example text
             */
            type: string;
            /**
             * @description In the shape it was sent with.
             * @example {
             *       "type": "text",
             *       "text": {
             *         "body": "Hello"
             *       }
             *     }
             */
            content: Record<string, never>;
            /**
             * @description What a person would read.
             * @example Hello
             */
            text: string;
            /**
             * @description Received messages: received, read (answered) or failed (the bot could not answer). Sent ones: queued, sending, sent, delivered, read, failed or cancelled.
             * @example delivered
             * @enum {string}
             */
            status: "cancelled" | "delivered" | "failed" | "queued" | "read" | "received" | "sending" | "sent";
            /** @example SOKO0198F0C2A7E27CC0 */
            waMessageId?: string;
            /** @example 01990000-0000-7000-8000-000000000002 */
            replyTo?: string;
            /** @description The template that it was made of, as that was then: GET /api/templates/:id/versions. */
            template?: components["schemas"]["MessageTemplateView"];
            /**
             * @description It was to be sent not before this time.
             * @example 2026-11-26T08:00:00.000Z
             */
            scheduledFor?: string;
            /** Format: date-time */
            createdAt: string;
        };
        ChatContactView: {
            /** Format: uuid */
            id: string;
            /**
             * @description Missing where WhatsApp hides it.
             * @example +263771234567
             */
            phone?: string;
            /**
             * @description The name that the merchant gave, else the customer's own.
             * @example Rudo
             */
            name?: string;
        };
        ChatView: {
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            channelId: string;
            contact: components["schemas"]["ChatContactView"];
            /** @example 2 */
            unread: number;
            /**
             * @description A person has the chat and the bot is silent.
             * @example false
             */
            handover: boolean;
            /**
             * @description The user or the API key that took it; missing where the customer asked for a person.
             * @example 019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071
             */
            handoverBy?: string;
            /**
             * @description When the bot has it again by itself.
             * @example 2026-11-21T14:00:00Z
             */
            handoverUntil?: string;
            lastMessage?: components["schemas"]["MessageView"];
            /** Format: date-time */
            lastMessageAt: string;
        };
        HandoverBody: {
            /**
             * @description After so many minutes the bot has the chat again; without it after the merchant's `handoverMinutes`, if any, or when it is released.
             * @example 60
             */
            minutes?: number;
        };
        ContactView: {
            /** Format: uuid */
            id: string;
            /**
             * @description Missing where WhatsApp hides it.
             * @example +263771234567
             */
            phone?: string;
            /**
             * @description The name that the merchant gave, else the customer's own.
             * @example Rudo
             */
            name?: string;
            /**
             * @description What the customer speaks with the bot: chosen, or made out from their words.
             * @example fr
             */
            language?: string;
            /**
             * @description The merchant's notes.
             * @example [
             *       "wholesale"
             *     ]
             */
            tags: string[];
            /**
             * Format: date-time
             * @description When the customer agreed to marketing; broadcasts of it go to nobody else.
             */
            optedInAt?: string;
            /**
             * @description Where: as the merchant said, or by the customer's own word (START) in the chat.
             * @example Signed at the till
             */
            optInSource?: string;
            /**
             * @description The customer wrote STOP: no marketing.
             * @example false
             */
            optedOut: boolean;
            /**
             * @description The customer told WhatsApp to stop the merchant's marketing.
             * @example false
             */
            marketingStopped: boolean;
            /**
             * @description By the merchant.
             * @example false
             */
            blocked: boolean;
            /** Format: date-time */
            createdAt: string;
        };
        ContactChatSummary: {
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            channelId: string;
            /** @example 2 */
            unread: number;
            /** Format: date-time */
            lastMessageAt: string;
        };
        ContactDetailView: {
            /** Format: uuid */
            id: string;
            /**
             * @description Missing where WhatsApp hides it.
             * @example +263771234567
             */
            phone?: string;
            /**
             * @description The name that the merchant gave, else the customer's own.
             * @example Rudo
             */
            name?: string;
            /**
             * @description What the customer speaks with the bot: chosen, or made out from their words.
             * @example fr
             */
            language?: string;
            /**
             * @description The merchant's notes.
             * @example [
             *       "wholesale"
             *     ]
             */
            tags: string[];
            /**
             * Format: date-time
             * @description When the customer agreed to marketing; broadcasts of it go to nobody else.
             */
            optedInAt?: string;
            /**
             * @description Where: as the merchant said, or by the customer's own word (START) in the chat.
             * @example Signed at the till
             */
            optInSource?: string;
            /**
             * @description The customer wrote STOP: no marketing.
             * @example false
             */
            optedOut: boolean;
            /**
             * @description The customer told WhatsApp to stop the merchant's marketing.
             * @example false
             */
            marketingStopped: boolean;
            /**
             * @description By the merchant.
             * @example false
             */
            blocked: boolean;
            /** Format: date-time */
            createdAt: string;
            /** @description One on each channel where they met. */
            chats: components["schemas"]["ContactChatSummary"][];
        };
        UpdateContactBody: {
            /**
             * @description What the merchant calls the customer; it stays whatever they call themselves.
             * @example Rudo from the market
             */
            name?: string;
            /**
             * @description Nothing is sent to a blocked customer, and the bot does not answer them; what they write is still stored.
             * @example false
             */
            blocked?: boolean;
            /**
             * @description The merchant's notes about the customer, in place of those that there are.
             * @example [
             *       "wholesale"
             *     ]
             */
            tags?: string[];
            /**
             * @description The customer agreed to marketing, as `optInSource` says; or takes it back. Whoever wrote STOP must write START themselves.
             * @example true
             */
            optedIn?: boolean;
            /**
             * @description Where and how they agreed.
             * @example Signed at the till
             */
            optInSource?: string;
        };
        PhoneMessageBody: {
            /**
             * Format: phone
             * @description The customer's number.
             * @example +263771234567
             */
            from: string;
            /**
             * @description The customer's profile name.
             * @example Rudo
             */
            name?: string;
            /**
             * @description `button` and `list` are taps.
             * @example text
             * @enum {string}
             */
            type: "button" | "image" | "list" | "location" | "text";
            /**
             * @description The text; for a tap, the title that was tapped; for an image, its caption.
             * @example hi
             */
            text?: string;
            /**
             * Format: uuid
             * @description The id of the tapped button or row.
             */
            replyId?: string;
            location?: components["schemas"]["LocationContent"];
            /**
             * Format: uuid
             * @description Of an image: the file that it is, uploaded before.
             */
            mediaId?: string;
            /** @description WhatsApp's id; the same id again is the same message. Made up when missing. */
            waMessageId?: string;
        };
        PhoneWroteView: {
            /** @example SIM0198F0C2A7E27CC0 */
            waMessageId: string;
        };
        PhoneFileView: {
            /**
             * @description image, video, audio, document or sticker.
             * @example image
             */
            kind: string;
            /**
             * @description Opens the file for an hour, without a login.
             * @example https://soko.example.com/media/…
             */
            url: string;
            /** @example image/jpeg */
            mimeType: string;
            /** @example maize.jpg */
            filename: string;
        };
        PhoneMessageView: {
            /** @example SOKO0198F0C2A7E27CC0 */
            waMessageId: string;
            /**
             * @description Rises with each message that the phone receives.
             * @example 7
             */
            seq: number;
            /** @example text */
            type: string;
            /**
             * @example {
             *       "type": "text",
             *       "text": {
             *         "body": "Hello"
             *       }
             *     }
             */
            content: Record<string, never>;
            /** @example Hello */
            text: string;
            /** @description What came with a message of type `media`; missing once it was deleted. */
            media?: components["schemas"]["PhoneFileView"];
            /**
             * @example sent
             * @enum {string}
             */
            status: "delivered" | "read" | "sent";
            /** Format: date-time */
            receivedAt: string;
        };
        ReceiptBody: {
            /** @example SOKO0198F0C2A7E27CC0 */
            waMessageId: string;
            /** @enum {string} */
            status: "delivered" | "read";
        };
        TemplateVariable: Record<string, never>;
        CloudCounterpart: Record<string, never>;
        CloudStateView: {
            /**
             * @description unknown (Meta was not asked yet), approved, pending, rejected, paused, disabled or missing.
             * @example approved
             */
            status: string;
            /**
             * @description Meta's words.
             * @example Low quality
             */
            reason?: string;
            /** Format: date-time */
            checkedAt?: string;
        };
        TemplateView: {
            /** Format: uuid */
            id: string;
            /** @example order_ready */
            name: string;
            /**
             * @example text
             * @enum {string}
             */
            type: "buttons" | "list" | "media" | "text";
            /** @example en */
            language: string;
            /**
             * @example utility
             * @enum {string}
             */
            category: "authentication" | "marketing" | "utility";
            /**
             * @example active
             * @enum {string}
             */
            status: "active" | "archived" | "draft";
            /**
             * @description In the shape of its type.
             * @example {
             *       "header": "Your order",
             *       "body": "Thank you, {{customer}}! Your order #{{number}} is ready."
             *     }
             */
            content: Record<string, never>;
            variables: components["schemas"]["TemplateVariable"][];
            /** @description What Meta has approved for it. */
            cloud?: components["schemas"]["CloudCounterpart"];
            /** @description How that stands at Meta, as far as it was told (POST /api/templates/sync). */
            cloudState?: components["schemas"]["CloudStateView"];
            /**
             * @description Grows by one with every change.
             * @example 2
             */
            version: number;
            /**
             * @description Why it was changed last.
             * @example Customers asked for the total
             */
            reason?: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
        };
        CreateTemplateBody: {
            /**
             * @description One name may have many languages.
             * @example order_ready
             */
            name: string;
            /**
             * @description `utility` when missing. Messages from a template of category `marketing` go to nobody who wants none.
             * @example utility
             * @enum {string}
             */
            category?: "authentication" | "marketing" | "utility";
            /**
             * @description `active` when missing; drafts and archived templates are not sent.
             * @example active
             * @enum {string}
             */
            status?: "active" | "archived" | "draft";
            /**
             * @description Why it is made.
             * @example For the new shop
             */
            reason?: string;
            /**
             * @example text
             * @enum {string}
             */
            type: "buttons" | "list" | "media" | "text";
            /** @example en */
            language: string;
            /**
             * @description text `{ header?, body, footer? }`; buttons adds `buttons: [{ id, title }]`; list adds `button, sections: [{ title?, rows: [{ id, title, description? }] }]`;
             *     media `{ mediaId | mediaVariable, caption? }`.
             * @example {
             *       "header": "Your order",
             *       "body": "Thank you, {{customer}}! Your order #{{number}} is ready."
             *     }
             */
            content: {
                [key: string]: unknown;
            };
            /**
             * @example [
             *       {
             *         "name": "customer",
             *         "type": "text",
             *         "example": "Rudo",
             *         "default": "dear customer"
             *       },
             *       {
             *         "name": "number",
             *         "type": "text",
             *         "example": "1042"
             *       }
             *     ]
             */
            variables?: components["schemas"]["TemplateVariable"][];
            /** @description What Meta has approved for it. */
            cloud?: components["schemas"]["CloudCounterpart"];
        };
        TemplateWarningView: {
            /** @example variables.0 */
            path: string;
            /** @example unused */
            code: string;
            /** @example number is used nowhere in the template */
            message: string;
        };
        SavedTemplateView: {
            /** Format: uuid */
            id: string;
            /** @example order_ready */
            name: string;
            /**
             * @example text
             * @enum {string}
             */
            type: "buttons" | "list" | "media" | "text";
            /** @example en */
            language: string;
            /**
             * @example utility
             * @enum {string}
             */
            category: "authentication" | "marketing" | "utility";
            /**
             * @example active
             * @enum {string}
             */
            status: "active" | "archived" | "draft";
            /**
             * @description In the shape of its type.
             * @example {
             *       "header": "Your order",
             *       "body": "Thank you, {{customer}}! Your order #{{number}} is ready."
             *     }
             */
            content: Record<string, never>;
            variables: components["schemas"]["TemplateVariable"][];
            /** @description What Meta has approved for it. */
            cloud?: components["schemas"]["CloudCounterpart"];
            /** @description How that stands at Meta, as far as it was told (POST /api/templates/sync). */
            cloudState?: components["schemas"]["CloudStateView"];
            /**
             * @description Grows by one with every change.
             * @example 2
             */
            version: number;
            /**
             * @description Why it was changed last.
             * @example Customers asked for the total
             */
            reason?: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            /** @description What kept it from nothing, and should be looked at. */
            warnings: components["schemas"]["TemplateWarningView"][];
        };
        TemplateSourceBody: {
            /**
             * @example text
             * @enum {string}
             */
            type: "buttons" | "list" | "media" | "text";
            /** @example en */
            language: string;
            /**
             * @description text `{ header?, body, footer? }`; buttons adds `buttons: [{ id, title }]`; list adds `button, sections: [{ title?, rows: [{ id, title, description? }] }]`;
             *     media `{ mediaId | mediaVariable, caption? }`.
             * @example {
             *       "header": "Your order",
             *       "body": "Thank you, {{customer}}! Your order #{{number}} is ready."
             *     }
             */
            content: {
                [key: string]: unknown;
            };
            /**
             * @example [
             *       {
             *         "name": "customer",
             *         "type": "text",
             *         "example": "Rudo",
             *         "default": "dear customer"
             *       },
             *       {
             *         "name": "number",
             *         "type": "text",
             *         "example": "1042"
             *       }
             *     ]
             */
            variables?: components["schemas"]["TemplateVariable"][];
            /** @description What Meta has approved for it. */
            cloud?: components["schemas"]["CloudCounterpart"];
        };
        PreviewBody: {
            /**
             * Format: uuid
             * @description A stored one, in whatever status.
             */
            templateId?: string;
            /**
             * @description One that need not be stored.
             * @example {
             *       "type": "text",
             *       "language": "en",
             *       "content": {
             *         "body": "Thank you, {{customer}}! Your order #{{number}} is ready."
             *       },
             *       "variables": [
             *         {
             *           "name": "customer",
             *           "type": "text",
             *           "example": "Rudo"
             *         },
             *         {
             *           "name": "number",
             *           "type": "text",
             *           "example": "1042"
             *         }
             *       ]
             *     }
             */
            template?: components["schemas"]["TemplateSourceBody"];
            /**
             * @description By name. Money is `{ amount, currency? }` in minor units, or a ready text; dates are days or times, ISO 8601.
             * @example {
             *       "customer": "Tino",
             *       "number": 1043
             *     }
             */
            variables?: {
                [key: string]: unknown;
            };
            /**
             * @description For `templateId`: as a send that asks for this language finds it. For `template`: how values are written.
             * @example en
             */
            language?: string;
        };
        PreviewPayloadsView: {
            /**
             * @description The body that the Cloud API gets, without whom it goes to.
             * @example {
             *       "messaging_product": "whatsapp",
             *       "recipient_type": "individual",
             *       "type": "text",
             *       "text": {
             *         "body": "Thank you, Rudo!"
             *       }
             *     }
             */
            cloud: Record<string, never>;
            /**
             * @description What it gets when the customer's last message is more than 24 hours old. Missing: then the message fails with `window_closed`.
             * @example {
             *       "messaging_product": "whatsapp",
             *       "recipient_type": "individual",
             *       "type": "template",
             *       "template": {
             *         "name": "order_update",
             *         "language": {
             *           "code": "en_US"
             *         }
             *       }
             *     }
             */
            cloudTemplate?: Record<string, never>;
            /**
             * @description The message as WhatsApp Web carries it.
             * @example {
             *       "conversation": "Thank you, Rudo!"
             *     }
             */
            baileys: Record<string, never>;
            /**
             * @description On a channel without buttons.
             * @example Thank you, Rudo!
             */
            text: string;
        };
        TemplatePreviewView: {
            /**
             * @description The template's content with values in place of its variables.
             * @example {
             *       "body": "Thank you, Rudo!"
             *     }
             */
            rendered: Record<string, never>;
            payloads: components["schemas"]["PreviewPayloadsView"];
            /**
             * @description Variables without a value or a default: sending is refused for them. Here their examples are shown.
             * @example [
             *       "customer"
             *     ]
             */
            missing: string[];
            /**
             * @example [
             *       "WhatsApp Web (kind baileys) shows this list as numbered text; a number or title that is written back counts as the choice."
             *     ]
             */
            warnings: string[];
            /**
             * @description How values were written.
             * @example en
             */
            language: string;
            /**
             * @description ltr or rtl: how to show it.
             * @example ltr
             * @enum {string}
             */
            direction: "ltr" | "rtl";
        };
        CounterpartRefView: {
            /** @example order_update */
            name: string;
            /** @example en_US */
            language: string;
        };
        CounterpartChangeView: {
            /** @example approved */
            previousState: string;
            /** @example paused */
            state: string;
            /**
             * @description Meta's words.
             * @example Low quality
             */
            reason?: string;
            /** @example 01990000-0000-7000-8000-000000000004 */
            templateId: string;
            /** @example order_update */
            name: string;
            /** @example en */
            language: string;
            counterpart: components["schemas"]["CounterpartRefView"];
        };
        CounterpartView: {
            /** @example 01990000-0000-7000-8000-000000000004 */
            templateId: string;
            /** @example order_update */
            name: string;
            /** @example en */
            language: string;
            counterpart: components["schemas"]["CounterpartRefView"];
        };
        FailedAccountView: {
            /** @example 01990000-0000-7000-8000-000000000005 */
            channelId: string;
            /** @example 102290129340398 */
            wabaId: string;
            /** @example token_invalid */
            code: string;
            /** @example The access token is not valid any more: put in a new one (PATCH /api/channels/:id). */
            message: string;
        };
        TemplateSyncView: {
            /**
             * @description Templates that name a counterpart.
             * @example 3
             */
            checked: number;
            /** @description Whose state is another than before: an event tells it too. */
            changed: components["schemas"]["CounterpartChangeView"][];
            /** @description Whose counterpart Meta does not have in any account. */
            missing: components["schemas"]["CounterpartView"][];
            /** @description Accounts that could not be read. Nothing is called missing then. */
            failed: components["schemas"]["FailedAccountView"][];
        };
        UpdateTemplateBody: {
            name?: string;
            language?: string;
            /** @enum {string} */
            type?: "buttons" | "list" | "media" | "text";
            /**
             * @example utility
             * @enum {string}
             */
            category?: "authentication" | "marketing" | "utility";
            /**
             * @example active
             * @enum {string}
             */
            status?: "active" | "archived" | "draft";
            /** @description In the shape of its type; the whole of it. */
            content?: {
                [key: string]: unknown;
            };
            /** @description All of them. */
            variables?: components["schemas"]["TemplateVariable"][];
            /** @description null: Meta has none any more. */
            cloud?: components["schemas"]["CloudCounterpart"] | null;
            /** @description The version that was read: refused (409 `template_changed`) when it is not the newest any more. */
            version?: number;
            /**
             * @description Why it is changed.
             * @example Customers asked for the total
             */
            reason?: string;
        };
        TemplateActorView: {
            /**
             * @description user, key, bot or system.
             * @example user
             */
            type: string;
            /** @example 01990000-0000-7000-8000-000000000003 */
            id?: string;
            /** @example owner */
            role?: string;
        };
        TemplateChangeView: {
            /**
             * @description `content.body`, `variables.total.example`, `status`.
             * @example content.body
             */
            path: string;
            /**
             * @description Missing when it was added.
             * @example Thank you!
             */
            before?: Record<string, never>;
            /**
             * @description Missing when it was taken out.
             * @example Thank you, {{customer}}!
             */
            after?: Record<string, never>;
        };
        TemplateVersionView: {
            /** @example 2 */
            version: number;
            /** @example order_ready */
            name: string;
            /** @example en */
            language: string;
            /**
             * @example text
             * @enum {string}
             */
            type: "buttons" | "list" | "media" | "text";
            /**
             * @example utility
             * @enum {string}
             */
            category: "authentication" | "marketing" | "utility";
            /**
             * @example active
             * @enum {string}
             */
            status: "active" | "archived" | "draft";
            /**
             * @example {
             *       "body": "Thank you, {{customer}}!"
             *     }
             */
            content: Record<string, never>;
            variables: components["schemas"]["TemplateVariable"][];
            cloud?: components["schemas"]["CloudCounterpart"];
            actor: components["schemas"]["TemplateActorView"];
            /** @example Customers asked for the total */
            reason?: string;
            /** @description Against the version before; empty for the first. */
            changes: components["schemas"]["TemplateChangeView"][];
            /** Format: date-time */
            createdAt: string;
        };
        TemplateDiffView: {
            /** @example 1 */
            from: number;
            /** @example 2 */
            to: number;
            changes: components["schemas"]["TemplateChangeView"][];
        };
        RollbackBody: {
            /**
             * @description The version whose state is wanted again.
             * @example 1
             */
            version: number;
            /** @example The new text was too long */
            reason?: string;
        };
        Segment: {
            /**
             * @description With any of these tags.
             * @example [
             *       "wholesale"
             *     ]
             */
            tags?: string[];
            /**
             * @description Who speaks one of these; of whom we do not know it, the merchant's own counts.
             * @example [
             *       "en"
             *     ]
             */
            languages?: ("ar" | "en" | "fr")[];
            /**
             * @description Whether they have ever ordered.
             * @example true
             */
            hasOrdered?: boolean;
            /**
             * Format: date-time
             * @description Their last order is of this time or later.
             * @example 2026-11-01T00:00:00Z
             */
            orderedSince?: string;
            /**
             * Format: date-time
             * @description Their last order is older than this: who has not ordered for long.
             * @example 2036-12-01T00:00:00Z
             */
            orderedBefore?: string;
        };
        BroadcastView: {
            /** Format: uuid */
            id: string;
            /** @example Spring sale */
            name: string;
            /**
             * @example running
             * @enum {string}
             */
            status: "cancelled" | "done" | "draft" | "paused" | "running" | "scheduled";
            /** @example spring_sale */
            templateName: string;
            /**
             * @example {
             *       "discount": "10 %"
             *     }
             */
            variables: {
                [key: string]: unknown;
            };
            segment: components["schemas"]["Segment"];
            /** Format: uuid */
            channelId: string;
            /** Format: date-time */
            sendAt?: string;
            /**
             * @description Why it has paused by itself.
             * @example The template spring_sale (en) is archived and so cannot be sent.
             */
            reason?: string;
            /** Format: date-time */
            startedAt?: string;
            /** Format: date-time */
            finishedAt?: string;
            /** Format: date-time */
            createdAt: string;
        };
        CreateBroadcastBody: {
            /**
             * @description For the merchant's own people.
             * @example Spring sale
             */
            name: string;
            /**
             * Format: date-time
             * @description It starts by itself then; without it when somebody starts it.
             */
            sendAt?: string;
            /**
             * @description Each customer gets it in their language, as far as there is one.
             * @example spring_sale
             */
            templateName: string;
            /**
             * @description The same for all. `customer`, where the template has it, is each one's own name.
             * @example {
             *       "discount": "10 %"
             *     }
             */
            variables?: {
                [key: string]: unknown;
            };
            segment: components["schemas"]["Segment"];
            /**
             * Format: uuid
             * @description The merchant's default channel when missing.
             */
            channelId?: string;
        };
        BroadcastCountsView: {
            /** @example 0 */
            waiting: number;
            /** @example 0 */
            queued: number;
            /** @example 2 */
            sent: number;
            /** @example 10 */
            delivered: number;
            /** @example 5 */
            read: number;
            /** @example 1 */
            failed: number;
            /** @example 1 */
            skipped: number;
        };
        BroadcastDetailView: {
            /** Format: uuid */
            id: string;
            /** @example Spring sale */
            name: string;
            /**
             * @example running
             * @enum {string}
             */
            status: "cancelled" | "done" | "draft" | "paused" | "running" | "scheduled";
            /** @example spring_sale */
            templateName: string;
            /**
             * @example {
             *       "discount": "10 %"
             *     }
             */
            variables: {
                [key: string]: unknown;
            };
            segment: components["schemas"]["Segment"];
            /** Format: uuid */
            channelId: string;
            /** Format: date-time */
            sendAt?: string;
            /**
             * @description Why it has paused by itself.
             * @example The template spring_sale (en) is archived and so cannot be sent.
             */
            reason?: string;
            /** Format: date-time */
            startedAt?: string;
            /** Format: date-time */
            finishedAt?: string;
            /** Format: date-time */
            createdAt: string;
            /**
             * @description How many it goes to: fixed when it starts, before that as it is now.
             * @example 19
             */
            recipients: number;
            /** @description Where their messages are; each is in one place. */
            counts: components["schemas"]["BroadcastCountsView"];
        };
        BroadcastPreviewBody: {
            /**
             * @description Each customer gets it in their language, as far as there is one.
             * @example spring_sale
             */
            templateName: string;
            /**
             * @description The same for all. `customer`, where the template has it, is each one's own name.
             * @example {
             *       "discount": "10 %"
             *     }
             */
            variables?: {
                [key: string]: unknown;
            };
            segment: components["schemas"]["Segment"];
            /**
             * Format: uuid
             * @description The merchant's default channel when missing.
             */
            channelId?: string;
        };
        ExcludedView: {
            /** @example 1 */
            blocked: number;
            /**
             * @description They wrote STOP.
             * @example 4
             */
            optedOut: number;
            /**
             * @description They told WhatsApp so.
             * @example 0
             */
            marketingStopped: number;
            /**
             * @description They have not agreed to marketing.
             * @example 12
             */
            notOptedIn: number;
            /**
             * @description Their number is hidden, and they have never written to this channel.
             * @example 0
             */
            unreachable: number;
        };
        BroadcastExampleView: {
            /** Format: uuid */
            contactId: string;
            /** @example +263771234567 */
            phone?: string;
            /** @example Rudo */
            name?: string;
            /**
             * @description Of the template that was found for them.
             * @example en
             */
            language: string;
            /**
             * @description What they would read.
             * @example Rudo, all maize meal is 10 % off this week.
             */
            text: string;
        };
        BroadcastPreviewView: {
            /**
             * @description How many would get it, were it started now.
             * @example 19
             */
            recipients: number;
            /** @description Who is in the segment and gets nothing. */
            excluded: components["schemas"]["ExcludedView"];
            /** @description The first three of them. */
            examples: components["schemas"]["BroadcastExampleView"][];
            /**
             * @example [
             *       "12 of the segment have not agreed to marketing: they are left out."
             *     ]
             */
            warnings: string[];
        };
        WhyView: {
            /** @example opted_out */
            code: string;
            /** @example The customer wrote STOP. */
            message: string;
        };
        RecipientView: {
            /** Format: uuid */
            contactId: string;
            /** @example +263771234567 */
            phone?: string;
            /** @example Rudo */
            name?: string;
            /**
             * @example delivered
             * @enum {string}
             */
            status: "delivered" | "failed" | "queued" | "read" | "sent" | "skipped" | "waiting";
            /** Format: uuid */
            messageId?: string;
            /** @description Why the message failed, or there is none. */
            why?: components["schemas"]["WhyView"];
        };
        UploadBody: {
            /** @example dot.png */
            filename: string;
            /** @example image/png */
            mimeType: string;
            /**
             * @description The bytes, in base64.
             * @example iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==
             */
            data: string;
        };
        MediaVariantView: {
            /**
             * @description Valid for an hour.
             * @example https://soko.example.com/media/…
             */
            url: string;
            /** @example image/jpeg */
            mimeType: string;
            /**
             * @description Pixels.
             * @example 800
             */
            width: number;
            /**
             * @description Pixels.
             * @example 600
             */
            height: number;
            /**
             * @description Bytes.
             * @example 61234
             */
            size: number;
        };
        MediaVariantsView: {
            /** @description At most 2048 pixels on its longest side. */
            original?: components["schemas"]["MediaVariantView"];
            /** @description At most 800. */
            medium?: components["schemas"]["MediaVariantView"];
            /** @description At most 200. */
            thumbnail?: components["schemas"]["MediaVariantView"];
        };
        MediaView: {
            /** Format: uuid */
            id: string;
            /**
             * @description image, video, audio, document or sticker.
             * @example image
             * @enum {string}
             */
            kind: "audio" | "document" | "image" | "sticker" | "video";
            /**
             * @description Of the file as it was sent, by its bytes.
             * @example image/jpeg
             */
            mimeType: string;
            /**
             * @description Bytes of the file as it was sent.
             * @example 1848123
             */
            size: number;
            /**
             * @description SHA-256 of the file as it was sent, in hex.
             * @example 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
             */
            hash: string;
            /** @example maize.jpg */
            filename: string;
            /**
             * @description processing, ready or failed.
             * @example ready
             * @enum {string}
             */
            status: "failed" | "processing" | "ready";
            /**
             * @description Why it failed.
             * @example The picture is damaged.
             */
            reason?: string;
            /**
             * @description Opens the file for an hour, without a login.
             * @example https://soko.example.com/media/…
             */
            url: string;
            /** @example https://soko.example.com/media/… */
            thumbnailUrl?: string;
            /**
             * @description See https://blurha.sh: draws a blurred picture until the real one is there.
             * @example LKO2?U%2Tw=w]~RBVZRi};RPxuwH
             */
            blurhash?: string;
            /**
             * @description Pixels.
             * @example 2048
             */
            width?: number;
            /**
             * @description Pixels.
             * @example 1536
             */
            height?: number;
            variants: components["schemas"]["MediaVariantsView"];
            /**
             * @description Where it lies in the store.
             * @example 019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071/019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6072/original
             */
            path: string;
            /**
             * @description upload, or inbound: a customer sent it.
             * @example upload
             */
            origin: string;
            /** Format: date-time */
            createdAt: string;
        };
        SignedUrlView: {
            /** @example https://soko.example.com/media/… */
            url: string;
            /** Format: date-time */
            expiresAt: string;
        };
        Money: {
            /**
             * @description Integer minor units (cents).
             * @example 1250
             */
            amount: number;
            /**
             * @description ISO 4217.
             * @example USD
             */
            currency: string;
        };
        ProductPicture: {
            /** Format: uuid */
            mediaId: string;
            /**
             * @description Valid for an hour.
             * @example https://soko.example.com/media/…
             */
            url: string;
            /**
             * @description Once the picture has been processed.
             * @example https://soko.example.com/media/…
             */
            thumbnailUrl?: string;
        };
        ProductView: {
            /** Format: uuid */
            id: string;
            /** @example MAIZE-10 */
            sku: string;
            /** @example Maize meal 10 kg */
            name: string;
            /** @example White roller meal */
            description?: string;
            price: components["schemas"]["Money"];
            /** @example Groceries */
            category?: string;
            /**
             * @description Units on hand, reserved ones included.
             * @example 25
             */
            stock: number;
            /**
             * @description Units that can still be sold.
             * @example 21
             */
            available: number;
            /** @example 5 */
            lowStockAt?: number;
            /** @example true */
            active: boolean;
            /** @description The first of its pictures. */
            picture?: components["schemas"]["ProductPicture"];
        };
        MoneyInput: {
            /**
             * @description Integer minor units (cents).
             * @example 1250
             */
            amount: number;
            /**
             * @description ISO 4217 code.
             * @example USD
             */
            currency: string;
        };
        CreateProductBody: {
            /**
             * @description The merchant's own code.
             * @example MAIZE-10
             */
            sku: string;
            /** @example Maize meal 10 kg */
            name: string;
            /** @example White roller meal */
            description?: string;
            price: components["schemas"]["MoneyInput"];
            /** @example Groceries */
            category?: string;
            /**
             * @description Units on hand.
             * @example 25
             */
            stock: number;
            /**
             * @description Warn at so many units or fewer.
             * @example 5
             */
            lowStockAt?: number;
            /**
             * @description Whether customers see it; true when missing.
             * @example true
             */
            active?: boolean;
        };
        UpdateProductBody: {
            sku?: string;
            /** @example Maize meal 10 kg */
            name?: string;
            description?: string | null;
            price?: components["schemas"]["MoneyInput"];
            category?: string | null;
            /** @example 40 */
            stock?: number;
            lowStockAt?: number | null;
            active?: boolean;
        };
        StockActorView: {
            /**
             * @description user, key, bot or system.
             * @example user
             */
            type: string;
            /** @example 01990000-0000-7000-8000-000000000003 */
            id?: string;
        };
        StockMovementView: {
            /** Format: uuid */
            id: string;
            /**
             * @description adjustment; or reservation, release and sale, which are an order's.
             * @example adjustment
             * @enum {string}
             */
            kind: "adjustment" | "release" | "reservation" | "sale";
            /**
             * @description Units on hand: so many more, or fewer.
             * @example 12
             */
            stockDelta: number;
            /** @example 0 */
            reservedDelta: number;
            /**
             * @description Units on hand after it.
             * @example 25
             */
            stock: number;
            /**
             * @description Of them reserved.
             * @example 4
             */
            reserved: number;
            /** Format: uuid */
            orderId?: string;
            /** @example New delivery */
            reason?: string;
            actor: components["schemas"]["StockActorView"];
            /** Format: date-time */
            createdAt: string;
        };
        AdjustStockBody: {
            /**
             * @description Units more, or fewer.
             * @example 12
             */
            delta: number;
            /** @example New delivery */
            reason: string;
        };
        ProductMediaView: {
            /** Format: uuid */
            id: string;
            /**
             * @description image, video, audio, document or sticker.
             * @example image
             * @enum {string}
             */
            kind: "audio" | "document" | "image" | "sticker" | "video";
            /**
             * @description Of the file as it was sent, by its bytes.
             * @example image/jpeg
             */
            mimeType: string;
            /**
             * @description Bytes of the file as it was sent.
             * @example 1848123
             */
            size: number;
            /**
             * @description SHA-256 of the file as it was sent, in hex.
             * @example 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
             */
            hash: string;
            /** @example maize.jpg */
            filename: string;
            /**
             * @description processing, ready or failed.
             * @example ready
             * @enum {string}
             */
            status: "failed" | "processing" | "ready";
            /**
             * @description Why it failed.
             * @example The picture is damaged.
             */
            reason?: string;
            /**
             * @description Opens the file for an hour, without a login.
             * @example https://soko.example.com/media/…
             */
            url: string;
            /** @example https://soko.example.com/media/… */
            thumbnailUrl?: string;
            /**
             * @description See https://blurha.sh: draws a blurred picture until the real one is there.
             * @example LKO2?U%2Tw=w]~RBVZRi};RPxuwH
             */
            blurhash?: string;
            /**
             * @description Pixels.
             * @example 2048
             */
            width?: number;
            /**
             * @description Pixels.
             * @example 1536
             */
            height?: number;
            variants: components["schemas"]["MediaVariantsView"];
            /**
             * @description Where it lies in the store.
             * @example 019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071/019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6072/original
             */
            path: string;
            /**
             * @description upload, or inbound: a customer sent it.
             * @example upload
             */
            origin: string;
            /** Format: date-time */
            createdAt: string;
            /** @example 0 */
            position: number;
        };
        AddProductMediaBody: {
            /**
             * Format: uuid
             * @description An uploaded picture.
             * @example 019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071
             */
            mediaId: string;
            /**
             * @description 0 is the first, which customers see; the last when left out.
             * @example 0
             */
            position?: number;
        };
        ImportErrorView: {
            /**
             * @description The column, or the field behind it.
             * @example stock
             */
            path: string;
            /** @example csv */
            code: string;
            /** @example stock must be a whole number, such as 25 */
            message: string;
        };
        ImportedLineView: {
            /**
             * @description In the file; the line with the names is 1.
             * @example 2
             */
            line: number;
            /** @example MAIZE-10 */
            sku: string;
            /**
             * @description created, updated, unchanged or failed.
             * @example failed
             * @enum {string}
             */
            outcome: "created" | "failed" | "unchanged" | "updated";
            errors?: components["schemas"]["ImportErrorView"][];
        };
        ImportReportView: {
            /** @example 12 */
            created: number;
            /** @example 3 */
            updated: number;
            /** @example 0 */
            unchanged: number;
            /**
             * @description These are as they were.
             * @example 1
             */
            failed: number;
            lines: components["schemas"]["ImportedLineView"][];
        };
        OrderCustomerBody: {
            /**
             * Format: phone
             * @example +263771234567
             */
            phone: string;
            /** @example Rudo */
            name?: string;
        };
        OrderItemBody: {
            /** Format: uuid */
            productId: string;
            /** @example 2 */
            quantity: number;
        };
        OrderLocationBody: {
            /** @example -17.8292 */
            latitude: number;
            /** @example 31.0522 */
            longitude: number;
        };
        OrderDeliveryBody: {
            /** @example 12 Samora Machel Ave, Harare */
            address?: string;
            location?: components["schemas"]["OrderLocationBody"];
        };
        PlaceOrderBody: {
            customer: components["schemas"]["OrderCustomerBody"];
            items: components["schemas"]["OrderItemBody"][];
            delivery?: components["schemas"]["OrderDeliveryBody"];
            /** @enum {string} */
            paymentMethod?: "cash_on_delivery" | "payment_link" | "transfer";
            note?: string;
            /**
             * Format: uuid
             * @description Where the customer hears of the order; the default channel when missing.
             */
            channelId?: string;
        };
        PlacedOrderView: {
            /** Format: uuid */
            id: string;
            /** @example 42 */
            number: number;
            /**
             * @example pending
             * @enum {string}
             */
            status: "cancelled" | "confirmed" | "delivered" | "out_for_delivery" | "pending" | "preparing" | "rejected";
            total: components["schemas"]["Money"];
        };
        OrderCustomerView: {
            /** @example +263771234567 */
            phone: string;
            /** @example Rudo */
            name?: string;
        };
        OrderSummaryView: {
            /** Format: uuid */
            id: string;
            /** @example 42 */
            number: number;
            /**
             * @example pending
             * @enum {string}
             */
            status: "cancelled" | "confirmed" | "delivered" | "out_for_delivery" | "pending" | "preparing" | "rejected";
            total: components["schemas"]["Money"];
            customer: components["schemas"]["OrderCustomerView"];
            /** @example cash_on_delivery */
            paymentMethod: string;
            /**
             * @example unpaid
             * @enum {string}
             */
            paymentStatus: "authorized" | "failed" | "paid" | "partially_refunded" | "refunded" | "unpaid";
            /**
             * @description The goods are kept until then, for the order to be paid.
             * @example 2026-11-24T10:00:00.000Z
             */
            reservedUntil?: string;
            /** @example Ring twice */
            note?: string;
            /**
             * @description Why it was rejected or cancelled.
             * @example Only 3 left
             */
            reason?: string;
            /** Format: date-time */
            createdAt: string;
        };
        OrderItemView: {
            /** Format: uuid */
            productId: string;
            /** @example MAIZE-10 */
            sku: string;
            /** @example Maize meal 10 kg */
            name: string;
            /** @example 2 */
            quantity: number;
            unitPrice: components["schemas"]["Money"];
            total: components["schemas"]["Money"];
        };
        RefundView: {
            /** Format: uuid */
            id: string;
            amount: components["schemas"]["Money"];
            /**
             * @description `due`: a person has to give it back. `requested`: the provider is asked to.
             * @example due
             * @enum {string}
             */
            status: "due" | "requested" | "succeeded";
            /** @example The bag was torn */
            reason: string;
            /**
             * @description Why the provider did not do it.
             * @example insufficient funds
             */
            error?: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            doneAt?: string;
        };
        PaymentView: {
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            orderId: string;
            /**
             * @example payment_link
             * @enum {string}
             */
            method: "cash_on_delivery" | "payment_link" | "transfer";
            /**
             * @example stripe
             * @enum {string}
             */
            provider?: "mobile_money" | "stripe";
            /**
             * @example paid
             * @enum {string}
             */
            status: "authorized" | "failed" | "paid" | "partially_refunded" | "pending" | "refunded";
            /** @description What was asked for. */
            amount: components["schemas"]["Money"];
            received: components["schemas"]["Money"];
            refunded: components["schemas"]["Money"];
            /**
             * @description The end of it.
             * @example ••••o M.
             */
            reference?: string;
            /**
             * @description Where the customer pays, while that is possible.
             * @example https://pay.example.com/?ref=1
             */
            url?: string;
            /** Format: date-time */
            expiresAt?: string;
            /**
             * @description Why it failed.
             * @example the payment link has expired
             */
            reason?: string;
            refunds: components["schemas"]["RefundView"][];
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            paidAt?: string;
        };
        DeliveryCustomerView: {
            /** @example +263771234567 */
            phone: string;
            /** @example Rudo */
            name?: string;
        };
        GeoPointView: {
            /** @example -17.8292 */
            latitude: number;
            /** @example 31.0522 */
            longitude: number;
        };
        DestinationView: {
            /** @example 12 Samora Machel Ave, Harare */
            address?: string;
            location?: components["schemas"]["GeoPointView"];
        };
        DriverView: {
            /**
             * Format: uuid
             * @description Missing when they are not in the team any more.
             */
            id?: string;
            /** @example Tapiwa */
            name: string;
        };
        PositionView: {
            /** @example -17.8292 */
            latitude: number;
            /** @example 31.0522 */
            longitude: number;
            /**
             * @description In metres.
             * @example 12
             */
            accuracy?: number;
            /** Format: date-time */
            at: string;
        };
        DeliveryView: {
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            orderId: string;
            /** @example 42 */
            orderNumber: number;
            /**
             * @example in_transit
             * @enum {string}
             */
            status: "assigned" | "delivered" | "failed" | "in_transit" | "pending";
            customer: components["schemas"]["DeliveryCustomerView"];
            destination?: components["schemas"]["DestinationView"];
            driver?: components["schemas"]["DriverView"];
            /**
             * @description How often somebody has set out with it.
             * @example 1
             */
            attempt: number;
            /**
             * @description Why it failed.
             * @example Nobody at home
             */
            reason?: string;
            /** @description Where the driver was last, on this way. */
            position?: components["schemas"]["PositionView"];
            /**
             * @description code, photo, or none when somebody said so by hand.
             * @example code
             * @enum {string}
             */
            proof?: "code" | "none" | "photo";
            /** Format: uuid */
            photoId?: string;
            /** Format: date-time */
            startedAt?: string;
            /**
             * Format: date-time
             * @description When it ended: it was delivered, or its order was cancelled.
             */
            closedAt?: string;
            /** Format: date-time */
            createdAt: string;
        };
        OrderHistoryView: {
            /**
             * @example pending
             * @enum {string}
             */
            from?: "cancelled" | "confirmed" | "delivered" | "out_for_delivery" | "pending" | "preparing" | "rejected";
            /**
             * @example confirmed
             * @enum {string}
             */
            to: "cancelled" | "confirmed" | "delivered" | "out_for_delivery" | "pending" | "preparing" | "rejected";
            /**
             * @description `system`, `bot` or a user's id.
             * @example system
             */
            actor: string;
            /** @example The customer called */
            reason?: string;
            /** Format: date-time */
            at: string;
        };
        OrderView: {
            /** Format: uuid */
            id: string;
            /** @example 42 */
            number: number;
            /**
             * @example pending
             * @enum {string}
             */
            status: "cancelled" | "confirmed" | "delivered" | "out_for_delivery" | "pending" | "preparing" | "rejected";
            total: components["schemas"]["Money"];
            customer: components["schemas"]["OrderCustomerView"];
            /** @example cash_on_delivery */
            paymentMethod: string;
            /**
             * @example unpaid
             * @enum {string}
             */
            paymentStatus: "authorized" | "failed" | "paid" | "partially_refunded" | "refunded" | "unpaid";
            /**
             * @description The goods are kept until then, for the order to be paid.
             * @example 2026-11-24T10:00:00.000Z
             */
            reservedUntil?: string;
            /** @example Ring twice */
            note?: string;
            /**
             * @description Why it was rejected or cancelled.
             * @example Only 3 left
             */
            reason?: string;
            /** Format: date-time */
            createdAt: string;
            items: components["schemas"]["OrderItemView"][];
            payments: components["schemas"]["PaymentView"][];
            delivery?: components["schemas"]["DeliveryView"];
            history: components["schemas"]["OrderHistoryView"][];
        };
        TransitionBody: {
            /**
             * @example cancel
             * @enum {string}
             */
            action: "cancel" | "confirm" | "deliver" | "dispatch" | "prepare";
            /** @example The customer called */
            reason?: string;
        };
        AddPaymentBody: {
            /** @enum {string} */
            method: "cash_on_delivery" | "payment_link" | "transfer";
            /** @description All that is still due when missing. */
            amount?: components["schemas"]["MoneyInput"];
            /**
             * @description Of a transfer. Kept encrypted, and shown by its end.
             * @example TXN 88120 Rudo M.
             */
            reference?: string;
            /**
             * @description Who makes the link; the first that is set up when missing.
             * @enum {string}
             */
            provider?: "mobile_money" | "stripe";
        };
        RefundBody: {
            /** @description All that is left of it when missing. */
            amount?: components["schemas"]["MoneyInput"];
            /** @example The bag was torn */
            reason: string;
        };
        PaymentMethodView: {
            /**
             * @example stripe
             * @enum {string}
             */
            name: "cash_on_delivery" | "mobile_money" | "stripe" | "transfer";
            /** @example true */
            active: boolean;
            /** @example EcoCash 0771 234 567, Mbare Market */
            instructions?: string;
            /** @example https://shop.example.com/thanks */
            returnUrl?: string;
            /** @example https://pay.example.com/?ref={paymentId} */
            linkUrl?: string;
            /**
             * @description The ends of the secrets that are set.
             * @example {
             *       "secretKey": "••••1234"
             *     }
             */
            secrets: {
                [key: string]: string;
            };
            /**
             * @description Where the provider sends its notices.
             * @example /webhooks/payments/stripe/01990000-0000-7000-8000-000000000001
             */
            noticePath?: string;
        };
        UpdatePaymentMethodBody: {
            /**
             * @description Whether customers may pay so.
             * @example true
             */
            active?: boolean;
            /**
             * @description For `transfer`: what the customer is told, with account and name.
             * @example EcoCash 0771 234 567, Mbare Market
             */
            instructions?: string;
            /**
             * Format: uri
             * @description For `stripe`: where customers land after they paid.
             * @example https://shop.example.com/thanks
             */
            returnUrl?: string;
            /**
             * @description For `stripe`: a secret or restricted key.
             * @example sk_test_00000000000000000000000000
             */
            secretKey?: string;
            /**
             * @description For `mobile_money`: the address of the payment page, with `{paymentId}`, `{amount}` (minor units) or `{decimal}`, `{currency}`, `{title}`,
             *     `{expires}` and `{signature}`.
             * @example https://pay.example.com/?ref={paymentId}&amount={amount}&currency={currency}&sig={signature}
             */
            linkUrl?: string;
            /**
             * @description For `stripe` and `mobile_money`: what their notices are signed with.
             * @example whsec_Zm9yIGV4YW1wbGUgb25seTogdGhpcyBpcyBubyBrZXk=
             */
            webhookSecret?: string;
        };
        DeliveryHistoryView: {
            /**
             * @example assigned
             * @enum {string}
             */
            from?: "assigned" | "delivered" | "failed" | "in_transit" | "pending";
            /**
             * @example in_transit
             * @enum {string}
             */
            to: "assigned" | "delivered" | "failed" | "in_transit" | "pending";
            /**
             * @description Who had it then.
             * @example Tapiwa
             */
            driver?: string;
            /**
             * @description `system`, `bot`, or the id of a user or an API key.
             * @example system
             */
            actor: string;
            /** @example Nobody at home */
            reason?: string;
            /** Format: date-time */
            at: string;
        };
        DeliveryDetailView: {
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            orderId: string;
            /** @example 42 */
            orderNumber: number;
            /**
             * @example in_transit
             * @enum {string}
             */
            status: "assigned" | "delivered" | "failed" | "in_transit" | "pending";
            customer: components["schemas"]["DeliveryCustomerView"];
            destination?: components["schemas"]["DestinationView"];
            driver?: components["schemas"]["DriverView"];
            /**
             * @description How often somebody has set out with it.
             * @example 1
             */
            attempt: number;
            /**
             * @description Why it failed.
             * @example Nobody at home
             */
            reason?: string;
            /** @description Where the driver was last, on this way. */
            position?: components["schemas"]["PositionView"];
            /**
             * @description code, photo, or none when somebody said so by hand.
             * @example code
             * @enum {string}
             */
            proof?: "code" | "none" | "photo";
            /** Format: uuid */
            photoId?: string;
            /** Format: date-time */
            startedAt?: string;
            /**
             * Format: date-time
             * @description When it ended: it was delivered, or its order was cancelled.
             */
            closedAt?: string;
            /** Format: date-time */
            createdAt: string;
            /**
             * @description What the customer was sent to follow it by; there is none before the first start.
             * @example https://soko.example.com/track/7d0e1c2b9a
             */
            trackingUrl?: string;
            history: components["schemas"]["DeliveryHistoryView"][];
        };
        AssignBody: {
            /**
             * Format: uuid
             * @description Of a user of the team: a driver, or anybody else who drives.
             */
            driverId: string;
        };
        LocationBody: {
            /** @example -17.8292 */
            latitude: number;
            /** @example 31.0522 */
            longitude: number;
            /**
             * @description In metres.
             * @example 12
             */
            accuracy?: number;
        };
        LocatedView: {
            /**
             * @description At most one position in ten seconds is kept.
             * @example true
             */
            kept: boolean;
        };
        CompleteBody: {
            /**
             * @description What the customer was sent.
             * @example 0482
             */
            code?: string;
            /**
             * Format: uuid
             * @description Of a photo, in place of the code.
             */
            mediaId?: string;
        };
        FailBody: {
            /** @example Nobody at home */
            reason: string;
        };
        TrackingStateView: Record<string, never>;
        WebhookBreakerView: {
            /**
             * @description `open`: none until `until`; `half_open`: a few, to see whether it is well again.
             * @example open
             * @enum {string}
             */
            state: "half_open" | "open";
            /** @example 2026-11-21T14:02:30.000Z */
            until?: string;
        };
        WebhookView: {
            /** Format: uuid */
            id: string;
            /** @example https://partner.example.com/hooks */
            url: string;
            /**
             * @example [
             *       "order_created"
             *     ]
             */
            events: string[];
            /** @example Accounting */
            description?: string;
            /**
             * @description Names only: values may be secrets.
             * @example [
             *       "X-Token"
             *     ]
             */
            headers: string[];
            /**
             * @example {
             *       "status": "pending"
             *     }
             */
            filters?: {
                [key: string]: unknown;
            };
            /**
             * @description Calls a second at most.
             * @example 50
             */
            rateLimit?: number;
            /** @example false */
            ordered: boolean;
            /** @example true */
            active: boolean;
            /**
             * @description Why Soko has disabled it: the endpoint answered 410, or has only failed for five days.
             * @example failing
             * @enum {string}
             */
            disabledReason?: "failing" | "gone";
            /** Format: date-time */
            disabledAt?: string;
            /**
             * @description Since when every call has failed.
             * @example 2026-11-21T14:00:00.000Z
             */
            failingSince?: string;
            breaker?: components["schemas"]["WebhookBreakerView"];
            /**
             * @description Until when the secret before this one signs too.
             * @example 2026-11-22T14:00:00.000Z
             */
            oldSecretValidUntil?: string;
            /** Format: date-time */
            createdAt: string;
        };
        CreateWebhookBody: {
            /**
             * Format: uri
             * @description Called by POST.
             * @example https://partner.example.com/hooks
             */
            url: string;
            /**
             * @description `["*"]` for everything.
             * @example [
             *       "order_created"
             *     ]
             */
            events: ("*" | "bot_connected" | "bot_disconnected" | "broadcast_finished" | "broadcast_started" | "channel_failed" | "channel_linking" | "channel_restricted" | "chat_handed_over" | "contact_consent_changed" | "delivery_assigned" | "delivery_completed" | "delivery_failed" | "delivery_started" | "merchant_registered" | "message_failed" | "message_received" | "message_sent" | "number_claimed" | "number_proven" | "order_created" | "order_held" | "order_hold_ended" | "order_status_changed" | "payment_failed" | "payment_received" | "payment_refund_due" | "payment_refunded" | "payment_requested" | "product_updated" | "stock_low" | "template_state_changed" | "webhook_disabled" | "webhook_failing")[];
            description?: string;
            /** @description Sent with every call. */
            headers?: {
                [key: string]: string;
            };
            /**
             * @description Only events whose `data` has exactly these values in these fields; at most 10.
             * @example {
             *       "status": "pending"
             *     }
             */
            filters?: {
                [key: string]: unknown;
            };
            /**
             * @description Calls a second at most.
             * @example 50
             */
            rateLimit?: number;
            /**
             * @description One call at a time, in the order of the events: one that fails is tried again before the next is sent.
             * @example false
             */
            ordered?: boolean;
            active?: boolean;
        };
        CreatedWebhookView: {
            /** Format: uuid */
            id: string;
            /** @example https://partner.example.com/hooks */
            url: string;
            /**
             * @example [
             *       "order_created"
             *     ]
             */
            events: string[];
            /** @example Accounting */
            description?: string;
            /**
             * @description Names only: values may be secrets.
             * @example [
             *       "X-Token"
             *     ]
             */
            headers: string[];
            /**
             * @example {
             *       "status": "pending"
             *     }
             */
            filters?: {
                [key: string]: unknown;
            };
            /**
             * @description Calls a second at most.
             * @example 50
             */
            rateLimit?: number;
            /** @example false */
            ordered: boolean;
            /** @example true */
            active: boolean;
            /**
             * @description Why Soko has disabled it: the endpoint answered 410, or has only failed for five days.
             * @example failing
             * @enum {string}
             */
            disabledReason?: "failing" | "gone";
            /** Format: date-time */
            disabledAt?: string;
            /**
             * @description Since when every call has failed.
             * @example 2026-11-21T14:00:00.000Z
             */
            failingSince?: string;
            breaker?: components["schemas"]["WebhookBreakerView"];
            /**
             * @description Until when the secret before this one signs too.
             * @example 2026-11-22T14:00:00.000Z
             */
            oldSecretValidUntil?: string;
            /** Format: date-time */
            createdAt: string;
            /**
             * @description `whsec_…`; shown this once.
             * @example whsec_Zm9yIGV4YW1wbGUgb25seTogdGhpcyBpcyBubyBrZXk=
             */
            secret: string;
        };
        UpdateWebhookBody: {
            /** Format: uri */
            url?: string;
            events?: ("*" | "bot_connected" | "bot_disconnected" | "broadcast_finished" | "broadcast_started" | "channel_failed" | "channel_linking" | "channel_restricted" | "chat_handed_over" | "contact_consent_changed" | "delivery_assigned" | "delivery_completed" | "delivery_failed" | "delivery_started" | "merchant_registered" | "message_failed" | "message_received" | "message_sent" | "number_claimed" | "number_proven" | "order_created" | "order_held" | "order_hold_ended" | "order_status_changed" | "payment_failed" | "payment_received" | "payment_refund_due" | "payment_refunded" | "payment_requested" | "product_updated" | "stock_low" | "template_state_changed" | "webhook_disabled" | "webhook_failing")[];
            description?: string | null;
            headers?: {
                [key: string]: string;
            } | null;
            /**
             * @example {
             *       "status": "pending"
             *     }
             */
            filters?: {
                [key: string]: unknown;
            } | null;
            /** @example 50 */
            rateLimit?: number | null;
            /** @example true */
            ordered?: boolean;
            /**
             * @description True takes one up again that was disabled: it is sent what happens from now on.
             * @example false
             */
            active?: boolean;
        };
        RotatedSecretView: {
            /**
             * @description `whsec_…`; shown this once.
             * @example whsec_Zm9yIGV4YW1wbGUgb25seTogdGhpcyBpcyBubyBrZXk=
             */
            secret: string;
            /**
             * @description Calls are signed with the old secret too, until then.
             * @example 2026-11-22T14:00:00.000Z
             */
            oldSecretValidUntil: string;
        };
        TestWebhookBody: {
            /**
             * @description Whose example is sent; the first that is subscribed to when missing.
             * @example order_created
             * @enum {string}
             */
            event?: "bot_connected" | "bot_disconnected" | "broadcast_finished" | "broadcast_started" | "channel_failed" | "channel_linking" | "channel_restricted" | "chat_handed_over" | "contact_consent_changed" | "delivery_assigned" | "delivery_completed" | "delivery_failed" | "delivery_started" | "merchant_registered" | "message_failed" | "message_received" | "message_sent" | "number_claimed" | "number_proven" | "order_created" | "order_held" | "order_hold_ended" | "order_status_changed" | "payment_failed" | "payment_received" | "payment_refund_due" | "payment_refunded" | "payment_requested" | "product_updated" | "stock_low" | "template_state_changed" | "webhook_disabled" | "webhook_failing";
        };
        ResentView: {
            /** Format: uuid */
            eventId: string;
            /** @example order_created */
            event: string;
        };
        WebhookRequestView: {
            /** @example https://partner.example.com/hooks */
            url: string;
            /**
             * @description Of the merchant's own the names alone.
             * @example {
             *       "webhook-id": "01990000-0000-7000-8000-000000000001",
             *       "X-Token": "***"
             *     }
             */
            headers: {
                [key: string]: string;
            };
            /**
             * @description The event that the body was made of: `GET /api/events` has it.
             * @example 01990000-0000-7000-8000-000000000001
             */
            body: string;
        };
        WebhookResponseView: {
            /** @example 200 */
            status: number;
            /**
             * @description The first 16 kB.
             * @example ok
             */
            body: string;
        };
        WebhookLogView: {
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            webhookId: string;
            /** Format: uuid */
            eventId: string;
            /** @example order_created */
            event: string;
            /** @example 1 */
            attempt: number;
            /**
             * @description What led to it: the event itself, or somebody by a test, a replay or a recovery.
             * @example event
             * @enum {string}
             */
            trigger: "event" | "recovery" | "replay" | "test";
            /**
             * @example delivered
             * @enum {string}
             */
            status: "delivered" | "failed";
            request: components["schemas"]["WebhookRequestView"];
            response?: components["schemas"]["WebhookResponseView"];
            /** @example 84 */
            durationMs: number;
            /** @example the receiver answered 503 */
            error?: string;
            /**
             * @description For programs, for example `timeout`, `connection`, `dns`, `tls`, `blocked`, `redirect` or `status`.
             * @example status
             */
            errorClass?: string;
            /**
             * Format: date-time
             * @description Missing where no more follow: it was delivered, or given up.
             */
            nextTryAt?: string;
            /** Format: date-time */
            createdAt: string;
        };
        RecoverWebhookBody: {
            /**
             * Format: date-time
             * @description Events from then on; at most 30 days ago.
             * @example 2026-11-21T14:00:00Z
             */
            since: string;
        };
        RecoveryView: {
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            webhookId: string;
            /** @example 2026-11-21T14:00:00.000Z */
            since: string;
            /**
             * @description `stopped`: `reason` says why.
             * @example done
             * @enum {string}
             */
            status: "done" | "running" | "stopped";
            /**
             * @description How many events are sent again.
             * @example 42
             */
            recovered: number;
            /** @example the subscription is not active any more */
            reason?: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            finishedAt?: string;
        };
        EventTypeView: {
            /** @example order_created */
            type: string;
            /**
             * @description Of the form of `data`: fields may be added to it, none is taken away.
             * @example 1
             */
            version: number;
            /**
             * @description When it happens.
             * @example A customer has placed an order.
             */
            description: string;
            /**
             * @description JSON Schema (2020-12) of the whole event.
             * @example {
             *       "type": "object"
             *     }
             */
            schema: {
                [key: string]: unknown;
            };
            /**
             * @description A whole event.
             * @example {
             *       "type": "order_created"
             *     }
             */
            example: {
                [key: string]: unknown;
            };
        };
        EventTypesView: {
            data: components["schemas"]["EventTypeView"][];
        };
        EventView: {
            /** Format: uuid */
            id: string;
            /** @example order_created */
            type: string;
            /**
             * @description When it happened.
             * @example 2026-11-24T09:30:00.000Z
             */
            timestamp: string;
            /** Format: uuid */
            merchantId: string;
            /**
             * @description As the type has it.
             * @example {
             *       "orderId": "01990000-0000-7000-8000-000000000001",
             *       "number": 1042,
             *       "status": "pending"
             *     }
             */
            data: Record<string, never>;
        };
        BotAnswerView: {
            /**
             * @description `webhook-id` of the call.
             * @example msg_2KWPBgLlAfxdpx2AI54pPJ85f4W
             */
            id: string;
            /**
             * @example stock.adjust
             * @enum {string}
             */
            eventType: "contact.update" | "message.send" | "order.transition" | "stock.adjust";
            /**
             * @description What the same call by REST answers: the queued message, the order, the movement of stock, the contact.
             * @example {
             *       "id": "01990000-0000-7000-8000-000000000001",
             *       "stock": 37
             *     }
             */
            result: Record<string, never>;
        };
        AuditActorView: {
            /**
             * @description user, key, bot or system.
             * @example user
             */
            type: string;
            /**
             * Format: uuid
             * @description Of the user or the API key.
             */
            id?: string;
            /** @example owner */
            role?: string;
        };
        AuditEntryView: {
            /** Format: uuid */
            id: string;
            /**
             * @description The place in the merchant's chain, from 1.
             * @example 42
             */
            seq: number;
            /**
             * Format: date-time
             * @description When it was done.
             */
            at: string;
            actor: components["schemas"]["AuditActorView"];
            /** @example 203.0.113.7 */
            ip?: string;
            /** @example 01990000-0000-7000-8000-000000000001 */
            requestId?: string;
            /** @example product */
            entity: string;
            /** Format: uuid */
            entityId: string;
            /**
             * @description create, update or delete.
             * @example update
             */
            action: string;
            /**
             * @description The row before; secrets are left out.
             * @example {
             *       "name": "Rice 5 kg",
             *       "price_amount": 720
             *     }
             */
            before?: Record<string, never>;
            /**
             * @description The row after.
             * @example {
             *       "name": "Rice 5 kg",
             *       "price_amount": 750
             *     }
             */
            after?: Record<string, never>;
            /**
             * @description SHA-256 over this entry and the hash of the one before.
             * @example 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
             */
            hash: string;
        };
        ChangePlanBody: {
            /**
             * @example trial
             * @enum {string}
             */
            plan: "standard" | "trial";
        };
        AdminApiKeyView: {
            /** Format: uuid */
            id: string;
            /** @example Accounting system */
            name: string;
            /**
             * @description The end of the key, to know it again by.
             * @example sk_…x7Qa
             */
            hint: string;
            /**
             * @example [
             *       "orders:read",
             *       "events:read"
             *     ]
             */
            scopes: string[];
            /** @example 2036-01-01T00:00:00.000Z */
            expiresAt?: string;
            /**
             * @description To the minute.
             * @example 2026-11-24T09:30:00.000Z
             */
            lastUsedAt?: string;
            /**
             * @description The id of the user who made it.
             * @example 01990000-0000-7000-8000-000000000002
             */
            createdBy: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: uuid */
            merchantId: string;
        };
        QueueView: {
            /** @example message_sending-0 */
            name: string;
            /** @example 12 */
            waiting: number;
            /** @example 3 */
            active: number;
            /** @example 0 */
            delayed: number;
            /**
             * @description Kept for a look; what must still be done stands in rows.
             * @example 1
             */
            failed: number;
        };
        JobView: {
            /** @example 4711 */
            id: string;
            /** @example process-order */
            name: string;
            /**
             * @description waiting, active, delayed, failed or completed.
             * @example failed
             */
            state: string;
            /**
             * @description A number or an object, as the job reports it.
             * @example 100
             */
            progress: Record<string, never>;
            /** @example 3 */
            attemptsMade: number;
            /** @example the database is starting up */
            failedReason?: string;
        };
        BreakerView: {
            /**
             * @description What it stands in front of.
             * @example whatsapp_cloud
             */
            name: string;
            /**
             * @description `open`: nothing is called until `openUntil`; `half_open`: a few calls try.
             * @example open
             * @enum {string}
             */
            state: "closed" | "half_open" | "open";
            /** @example 2026-11-25T09:30:10.000Z */
            openUntil?: string;
            /**
             * @description How often in a row it has opened; each time is longer.
             * @example 1
             */
            trips: number;
            /** @example Meta answered 503 */
            reason?: string;
            /** Format: date-time */
            changedAt: string;
        };
        DeadLetterView: {
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            merchantId: string;
            /**
             * @example inbound_message
             * @enum {string}
             */
            kind: "inbound_message" | "incoming_file" | "outbound_message" | "reaction" | "unanswered_message" | "webhook_delivery";
            /**
             * @description Names what it is about among all of its kind: the id of a message or of a delivery, or a reaction and its event.
             * @example 01990000-0000-7000-8000-000000000001
             */
            reference: string;
            /**
             * Format: uuid
             * @description Where it belongs: a channel, a chat, a subscription.
             */
            subjectId?: string;
            /**
             * @description Why it failed the last time.
             * @example a message without an id
             */
            reason: string;
            /**
             * @description `retrying`: back in its own queue, and dead again if it fails there; forgotten after a week.
             * @example dead
             * @enum {string}
             */
            status: "dead" | "retrying";
            /**
             * @description Tries since it was put aside that have failed.
             * @example 2
             */
            attempts: number;
            /** Format: date-time */
            firstFailedAt: string;
            /** Format: date-time */
            lastFailedAt: string;
            /**
             * Format: date-time
             * @description When it is tried again by itself; it rests when missing.
             */
            nextTryAt?: string;
        };
        DeadLetterSelection: {
            /**
             * @description These, whatever else is said.
             * @example [
             *       "01990000-0000-7000-8000-000000000001"
             *     ]
             */
            ids?: string[];
            /**
             * @example webhook_delivery
             * @enum {string}
             */
            kind?: "inbound_message" | "incoming_file" | "outbound_message" | "reaction" | "unanswered_message" | "webhook_delivery";
            /**
             * Format: uuid
             * @description Of this merchant alone.
             */
            merchantId?: string;
            /**
             * @description Part of why they failed, in either case.
             * @example timeout
             */
            reason?: string;
            /**
             * @description How many at most; the answer tells where to go on.
             * @example 100
             */
            limit?: number;
            /**
             * Format: uuid
             * @description `next` of the answer before.
             * @example 01990000-0000-7000-8000-000000000001
             */
            after?: string;
        };
        DeadLettersTakenView: {
            /**
             * @description How many there were.
             * @example 100
             */
            count: number;
            /**
             * @description Where to go on, as `after`; missing when there were no more.
             * @example 01990000-0000-7000-8000-000000000001
             */
            next?: string;
        };
        DeadLetterDetailView: {
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            merchantId: string;
            /**
             * @example inbound_message
             * @enum {string}
             */
            kind: "inbound_message" | "incoming_file" | "outbound_message" | "reaction" | "unanswered_message" | "webhook_delivery";
            /**
             * @description Names what it is about among all of its kind: the id of a message or of a delivery, or a reaction and its event.
             * @example 01990000-0000-7000-8000-000000000001
             */
            reference: string;
            /**
             * Format: uuid
             * @description Where it belongs: a channel, a chat, a subscription.
             */
            subjectId?: string;
            /**
             * @description Why it failed the last time.
             * @example a message without an id
             */
            reason: string;
            /**
             * @description `retrying`: back in its own queue, and dead again if it fails there; forgotten after a week.
             * @example dead
             * @enum {string}
             */
            status: "dead" | "retrying";
            /**
             * @description Tries since it was put aside that have failed.
             * @example 2
             */
            attempts: number;
            /** Format: date-time */
            firstFailedAt: string;
            /** Format: date-time */
            lastFailedAt: string;
            /**
             * Format: date-time
             * @description When it is tried again by itself; it rests when missing.
             */
            nextTryAt?: string;
            /**
             * @description The beginning of what could not be stored, of inbound messages.
             * @example { … }
             */
            payload?: string;
        };
        HealthView: {
            /** @example ok */
            status: string;
        };
        HealthPartView: {
            /**
             * @description ok or down.
             * @example ok
             * @enum {string}
             */
            status: "down" | "ok";
            /**
             * @description Milliseconds.
             * @example 2
             */
            latencyMs: number;
        };
        HealthPartsView: {
            database: components["schemas"]["HealthPartView"];
            queue: components["schemas"]["HealthPartView"];
            /** @description Where files lie. */
            storage: components["schemas"]["HealthPartView"];
        };
        ReadinessView: {
            /** @example ok */
            status: string;
            parts: components["schemas"]["HealthPartsView"];
        };
        /** @description RFC 9457. `code` is stable; `detail` tells what to do; quote `traceId` when you ask for help. */
        Problem: {
            type: string;
            title: string;
            status: number;
            detail: string;
            code: string;
            instance: string;
            /** Format: uuid */
            traceId: string;
            errors?: {
                path: string;
                code: string;
                message: string;
            }[];
        };
        Pagination: {
            /** @example 50 */
            limit: number;
            /** @example true */
            hasMore: boolean;
            /**
             * @description Give it as `cursor` to read on.
             * @example WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ
             */
            nextCursor?: string;
            /**
             * @description Where a list by offset began.
             * @example 0
             */
            offset?: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    auth_register: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "owner@example.com",
                 *       "password": "correct-horse-battery",
                 *       "name": "Tariro Moyo",
                 *       "merchant": {
                 *         "name": "Mbare Market",
                 *         "currency": "USD",
                 *         "timezone": "Africa/Harare",
                 *         "locale": "en"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["RegisterBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "accessToken": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJleGFtcGxlIn0.c2lnbmF0dXJl",
                     *       "tokenType": "Bearer",
                     *       "expiresIn": 604800,
                     *       "user": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "email": "owner@example.com",
                     *         "name": "Tariro Moyo",
                     *         "role": "owner"
                     *       },
                     *       "merchant": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "name": "Mbare Market",
                     *         "currency": "USD",
                     *         "timezone": "Africa/Harare",
                     *         "locale": "en"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["SessionView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "owner@example.com",
                 *       "password": "correct-horse-battery"
                 *     }
                 */
                "application/json": components["schemas"]["LoginBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "accessToken": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJleGFtcGxlIn0.c2lnbmF0dXJl",
                     *       "tokenType": "Bearer",
                     *       "expiresIn": 604800,
                     *       "user": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "email": "owner@example.com",
                     *         "name": "Tariro Moyo",
                     *         "role": "owner"
                     *       },
                     *       "merchant": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "name": "Mbare Market",
                     *         "currency": "USD",
                     *         "timezone": "Africa/Harare",
                     *         "locale": "en"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["SessionView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "email": "owner@example.com",
                     *         "name": "Tariro Moyo",
                     *         "role": "owner"
                     *       },
                     *       "merchant": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "name": "Mbare Market",
                     *         "currency": "USD",
                     *         "timezone": "Africa/Harare",
                     *         "locale": "en"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["MeView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_logout: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_changePassword: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "currentPassword": "correct-horse-battery",
                 *       "newPassword": "staple-correct-horse"
                 *     }
                 */
                "application/json": components["schemas"]["ChangePasswordBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "accessToken": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJleGFtcGxlIn0.c2lnbmF0dXJl",
                     *       "tokenType": "Bearer",
                     *       "expiresIn": 604800,
                     *       "user": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "email": "owner@example.com",
                     *         "name": "Tariro Moyo",
                     *         "role": "owner"
                     *       },
                     *       "merchant": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "name": "Mbare Market",
                     *         "currency": "USD",
                     *         "timezone": "Africa/Harare",
                     *         "locale": "en"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["SessionView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    users_list: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "email": "owner@example.com",
                     *           "name": "Tariro Moyo",
                     *           "role": "owner",
                     *           "createdAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["TeamUserView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    users_add: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "farai@example.com",
                 *       "name": "Farai Dube",
                 *       "role": "agent",
                 *       "password": "correct-horse-battery"
                 *     }
                 */
                "application/json": components["schemas"]["CreateUserBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "email": "owner@example.com",
                     *       "name": "Tariro Moyo",
                     *       "role": "owner",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["TeamUserView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    users_remove: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    users_update: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Farai Dube",
                 *       "role": "driver",
                 *       "password": "staple-correct-horse"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateUserBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "email": "owner@example.com",
                     *       "name": "Tariro Moyo",
                     *       "role": "owner",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["TeamUserView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    staffPhones_makeCode: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "code": "482913",
                     *       "expiresAt": "2026-11-24T09:30:00.000Z",
                     *       "text": "link 482913"
                     *     }
                     */
                    "application/json": components["schemas"]["PhoneCodeView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    staffPhones_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "phone": "+263771234567",
                     *       "name": "Farai",
                     *       "linkedAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["StaffPhoneView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    staffPhones_unlink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    apiKeys_list: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "name": "Accounting system",
                     *           "hint": "sk_…x7Qa",
                     *           "scopes": [
                     *             "orders:read",
                     *             "events:read"
                     *           ],
                     *           "expiresAt": "2036-01-01T00:00:00.000Z",
                     *           "lastUsedAt": "2026-11-24T09:30:00.000Z",
                     *           "createdBy": "01990000-0000-7000-8000-000000000002",
                     *           "createdAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["ApiKeyView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    apiKeys_create: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Accounting system",
                 *       "scopes": [
                 *         "orders:read",
                 *         "events:read"
                 *       ],
                 *       "expiresAt": "2036-01-01T00:00:00Z"
                 *     }
                 */
                "application/json": components["schemas"]["CreateApiKeyBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "Accounting system",
                     *       "hint": "sk_…x7Qa",
                     *       "scopes": [
                     *         "orders:read",
                     *         "events:read"
                     *       ],
                     *       "expiresAt": "2036-01-01T00:00:00.000Z",
                     *       "lastUsedAt": "2026-11-24T09:30:00.000Z",
                     *       "createdBy": "01990000-0000-7000-8000-000000000002",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "key": "sk_Zm9yIGV4YW1wbGUgb25seTogdGhpcyBpcyBubyBrZXk"
                     *     }
                     */
                    "application/json": components["schemas"]["CreatedApiKeyView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    apiKeys_revoke: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    merchant_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "Mbare Market",
                     *       "currency": "USD",
                     *       "timezone": "Africa/Harare",
                     *       "locale": "en",
                     *       "openingHours": {
                     *         "monday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "tuesday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "wednesday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "thursday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "friday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "saturday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "sunday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ]
                     *       },
                     *       "cartReminderHours": 3,
                     *       "handoverMinutes": 120,
                     *       "botPaused": true,
                     *       "plan": "standard",
                     *       "limits": {
                     *         "api": {
                     *           "requests": 6000,
                     *           "windowSeconds": 900
                     *         },
                     *         "messages": {
                     *           "requests": 6000,
                     *           "windowSeconds": 900
                     *         },
                     *         "uploads": {
                     *           "requests": 6000,
                     *           "windowSeconds": 900
                     *         }
                     *       },
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "inboundSecret": {
                     *         "createdAt": "2026-11-24T09:30:00.000Z",
                     *         "oldValidUntil": "2026-11-25T09:30:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["MerchantProfileView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    merchant_update: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Mbare Market",
                 *       "timezone": "Africa/Harare",
                 *       "locale": "en",
                 *       "cartReminderHours": 3,
                 *       "handoverMinutes": 120,
                 *       "botPaused": false
                 *     }
                 */
                "application/json": components["schemas"]["UpdateMerchantBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "Mbare Market",
                     *       "currency": "USD",
                     *       "timezone": "Africa/Harare",
                     *       "locale": "en",
                     *       "openingHours": {
                     *         "monday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "tuesday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "wednesday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "thursday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "friday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "saturday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "sunday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ]
                     *       },
                     *       "cartReminderHours": 3,
                     *       "handoverMinutes": 120,
                     *       "botPaused": true,
                     *       "plan": "standard",
                     *       "limits": {
                     *         "api": {
                     *           "requests": 6000,
                     *           "windowSeconds": 900
                     *         },
                     *         "messages": {
                     *           "requests": 6000,
                     *           "windowSeconds": 900
                     *         },
                     *         "uploads": {
                     *           "requests": 6000,
                     *           "windowSeconds": 900
                     *         }
                     *       },
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "inboundSecret": {
                     *         "createdAt": "2026-11-24T09:30:00.000Z",
                     *         "oldValidUntil": "2026-11-25T09:30:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["MerchantProfileView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    merchant_newInboundSecret: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "oldValidUntil": "2026-11-25T09:30:00.000Z",
                     *       "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
                     *     }
                     */
                    "application/json": components["schemas"]["NewInboundSecretView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    channels_list: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "name": "Shop phone",
                     *           "kind": "simulator",
                     *           "phone": "+263771000000",
                     *           "isDefault": true,
                     *           "status": "connected",
                     *           "reason": "the phone has removed this device",
                     *           "config": {
                     *             "newChatsPerDay": 50
                     *           },
                     *           "restrictedUntil": "2026-11-25T08:00:00.000Z",
                     *           "createdAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["ChannelView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    channels_create: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Shop phone",
                 *       "kind": "simulator",
                 *       "phone": "+263771000000",
                 *       "config": {}
                 *     }
                 */
                "application/json": components["schemas"]["CreateChannelBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "Shop phone",
                     *       "kind": "simulator",
                     *       "phone": "+263771000000",
                     *       "isDefault": true,
                     *       "status": "connected",
                     *       "reason": "the phone has removed this device",
                     *       "config": {
                     *         "newChatsPerDay": 50
                     *       },
                     *       "restrictedUntil": "2026-11-25T08:00:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ChannelView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    channels_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "Shop phone",
                     *       "kind": "simulator",
                     *       "phone": "+263771000000",
                     *       "isDefault": true,
                     *       "status": "connected",
                     *       "reason": "the phone has removed this device",
                     *       "config": {
                     *         "newChatsPerDay": 50
                     *       },
                     *       "restrictedUntil": "2026-11-25T08:00:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ChannelView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    channels_remove: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    channels_update: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Shop phone",
                 *       "phone": "+263771000000",
                 *       "isDefault": true,
                 *       "config": {
                 *         "newChatsPerDay": 50
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["UpdateChannelBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "Shop phone",
                     *       "kind": "simulator",
                     *       "phone": "+263771000000",
                     *       "isDefault": true,
                     *       "status": "connected",
                     *       "reason": "the phone has removed this device",
                     *       "config": {
                     *         "newChatsPerDay": 50
                     *       },
                     *       "restrictedUntil": "2026-11-25T08:00:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ChannelView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    channels_connect: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    channels_disconnect: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    channels_logout: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    channels_qr: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "qr": "https://wa.me/settings/linked_devices#2@...",
                     *       "png": "data:image/png;base64,iVBORw0KGgo=",
                     *       "expiresAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["QrView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    channels_pairingCode: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "phone": "+263771000000"
                 *     }
                 */
                "application/json": components["schemas"]["PairingCodeBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "code": "ABCD1234",
                     *       "expiresAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["PairingCodeView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whatsapp_status: {
        parameters: {
            query?: {
                /** @description The default channel when missing. */
                channelId?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "channelId": "01990000-0000-7000-8000-000000000001",
                     *       "kind": "simulator",
                     *       "status": "connected",
                     *       "phone": "+263771000000",
                     *       "lastConnectedAt": "2026-11-24T09:30:00.000Z",
                     *       "reason": "the phone is offline"
                     *     }
                     */
                    "application/json": components["schemas"]["ChannelStatusView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whatsapp_send: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "to": "+263771234567",
                 *       "message": "Hello"
                 *     }
                 */
                "application/json": components["schemas"]["SendMessageBody"];
            };
        };
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "chatId": "01990000-0000-7000-8000-000000000001",
                     *       "to": "+263771234567",
                     *       "status": "queued",
                     *       "scheduledFor": "2026-11-25T08:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["QueuedView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whatsapp_message: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "timeline": [
                     *         {
                     *           "status": "sent",
                     *           "at": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "error": {
                     *         "code": "recipient_unreachable",
                     *         "message": "This number is not on WhatsApp."
                     *       },
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "chatId": "01990000-0000-7000-8000-000000000001",
                     *       "channelId": "01990000-0000-7000-8000-000000000001",
                     *       "direction": "outbound",
                     *       "type": "text",
                     *       "content": {
                     *         "type": "text",
                     *         "text": {
                     *           "body": "Hello"
                     *         }
                     *       },
                     *       "text": "Hello",
                     *       "status": "delivered",
                     *       "waMessageId": "SOKO0198F0C2A7E27CC0",
                     *       "replyTo": "01990000-0000-7000-8000-000000000002",
                     *       "template": {
                     *         "id": "01990000-0000-7000-8000-000000000004",
                     *         "version": 2
                     *       },
                     *       "scheduledFor": "2026-11-26T08:00:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["MessageDetailView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whatsapp_cancel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whatsapp_scheduled: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "chatId": "01990000-0000-7000-8000-000000000001",
                     *           "channelId": "01990000-0000-7000-8000-000000000001",
                     *           "direction": "outbound",
                     *           "type": "text",
                     *           "content": {
                     *             "type": "text",
                     *             "text": {
                     *               "body": "Hello"
                     *             }
                     *           },
                     *           "text": "Hello",
                     *           "status": "delivered",
                     *           "waMessageId": "SOKO0198F0C2A7E27CC0",
                     *           "replyTo": "01990000-0000-7000-8000-000000000002",
                     *           "template": {
                     *             "id": "01990000-0000-7000-8000-000000000004",
                     *             "version": 2
                     *           },
                     *           "scheduledFor": "2026-11-26T08:00:00.000Z",
                     *           "createdAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["MessageView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whatsapp_list: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
                /** @description Part of the customer's name or number. For example `rudo`. */
                q?: string;
                status?: "handover" | "unread";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "channelId": "01990000-0000-7000-8000-000000000001",
                     *           "contact": {
                     *             "id": "01990000-0000-7000-8000-000000000001",
                     *             "phone": "+263771234567",
                     *             "name": "Rudo"
                     *           },
                     *           "unread": 2,
                     *           "handover": false,
                     *           "handoverBy": "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071",
                     *           "handoverUntil": "2026-11-21T14:00:00Z",
                     *           "lastMessage": {
                     *             "id": "01990000-0000-7000-8000-000000000001",
                     *             "chatId": "01990000-0000-7000-8000-000000000001",
                     *             "channelId": "01990000-0000-7000-8000-000000000001",
                     *             "direction": "outbound",
                     *             "type": "text",
                     *             "content": {
                     *               "type": "text",
                     *               "text": {
                     *                 "body": "Hello"
                     *               }
                     *             },
                     *             "text": "Hello",
                     *             "status": "delivered",
                     *             "waMessageId": "SOKO0198F0C2A7E27CC0",
                     *             "replyTo": "01990000-0000-7000-8000-000000000002",
                     *             "template": {
                     *               "id": "01990000-0000-7000-8000-000000000004",
                     *               "version": 2
                     *             },
                     *             "scheduledFor": "2026-11-26T08:00:00.000Z",
                     *             "createdAt": "2026-11-24T09:30:00.000Z"
                     *           },
                     *           "lastMessageAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["ChatView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whatsapp_messages: {
        parameters: {
            query?: {
                limit?: number;
                offset?: number;
                /** @description An ISO time or a message id: only what is older. */
                before?: string;
                /** @description Part of the text. */
                q?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "chatId": "01990000-0000-7000-8000-000000000001",
                     *           "channelId": "01990000-0000-7000-8000-000000000001",
                     *           "direction": "outbound",
                     *           "type": "text",
                     *           "content": {
                     *             "type": "text",
                     *             "text": {
                     *               "body": "Hello"
                     *             }
                     *           },
                     *           "text": "Hello",
                     *           "status": "delivered",
                     *           "waMessageId": "SOKO0198F0C2A7E27CC0",
                     *           "replyTo": "01990000-0000-7000-8000-000000000002",
                     *           "template": {
                     *             "id": "01990000-0000-7000-8000-000000000004",
                     *             "version": 2
                     *           },
                     *           "scheduledFor": "2026-11-26T08:00:00.000Z",
                     *           "createdAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["MessageView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whatsapp_handover: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "minutes": 60
                 *     }
                 */
                "application/json": components["schemas"]["HandoverBody"];
            };
        };
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whatsapp_release: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whatsapp_read: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    contacts_list: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
                /** @description Part of the customer's name or number. For example `rudo`. */
                q?: string;
                /** @description Only those with this tag. For example `wholesale`. */
                tag?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "phone": "+263771234567",
                     *           "name": "Rudo",
                     *           "language": "fr",
                     *           "tags": [
                     *             "wholesale"
                     *           ],
                     *           "optedInAt": "2026-11-24T09:30:00.000Z",
                     *           "optInSource": "Signed at the till",
                     *           "optedOut": false,
                     *           "marketingStopped": false,
                     *           "blocked": false,
                     *           "createdAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["ContactView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    contacts_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "phone": "+263771234567",
                     *       "name": "Rudo",
                     *       "language": "fr",
                     *       "tags": [
                     *         "wholesale"
                     *       ],
                     *       "optedInAt": "2026-11-24T09:30:00.000Z",
                     *       "optInSource": "Signed at the till",
                     *       "optedOut": false,
                     *       "marketingStopped": false,
                     *       "blocked": false,
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "chats": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "channelId": "01990000-0000-7000-8000-000000000001",
                     *           "unread": 2,
                     *           "lastMessageAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ContactDetailView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    contacts_update: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Rudo from the market",
                 *       "blocked": false,
                 *       "tags": [
                 *         "wholesale"
                 *       ],
                 *       "optedIn": true,
                 *       "optInSource": "Signed at the till"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateContactBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "phone": "+263771234567",
                     *       "name": "Rudo",
                     *       "language": "fr",
                     *       "tags": [
                     *         "wholesale"
                     *       ],
                     *       "optedInAt": "2026-11-24T09:30:00.000Z",
                     *       "optInSource": "Signed at the till",
                     *       "optedOut": false,
                     *       "marketingStopped": false,
                     *       "blocked": false,
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "chats": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "channelId": "01990000-0000-7000-8000-000000000001",
                     *           "unread": 2,
                     *           "lastMessageAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ContactDetailView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    simulator_write: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "from": "+263771234567",
                 *       "name": "Rudo",
                 *       "type": "text",
                 *       "text": "hi"
                 *     }
                 */
                "application/json": components["schemas"]["PhoneMessageBody"];
            };
        };
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "waMessageId": "SIM0198F0C2A7E27CC0"
                     *     }
                     */
                    "application/json": components["schemas"]["PhoneWroteView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    simulator_received: {
        parameters: {
            query?: {
                /** @description Only what came after this `waMessageId`, `seq` or ISO time. */
                after?: string;
                limit?: number;
            };
            header?: never;
            path: {
                id: string;
                phone: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "waMessageId": "SOKO0198F0C2A7E27CC0",
                     *           "seq": 7,
                     *           "type": "text",
                     *           "content": {
                     *             "type": "text",
                     *             "text": {
                     *               "body": "Hello"
                     *             }
                     *           },
                     *           "text": "Hello",
                     *           "media": {
                     *             "kind": "image",
                     *             "url": "https://soko.example.com/media/…",
                     *             "mimeType": "image/jpeg",
                     *             "filename": "maize.jpg"
                     *           },
                     *           "status": "sent",
                     *           "receivedAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["PhoneMessageView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    simulator_receipt: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
                phone: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "waMessageId": "SOKO0198F0C2A7E27CC0",
                 *       "status": "delivered"
                 *     }
                 */
                "application/json": components["schemas"]["ReceiptBody"];
            };
        };
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_list: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
                /** @description text, buttons, list or media. For example `text`. */
                type?: "buttons" | "list" | "media" | "text";
                /** @description draft, active or archived. For example `active`. */
                status?: "active" | "archived" | "draft";
                /** @description BCP 47, as it is kept. For example `en`. */
                language?: string;
                /** @description For example `order_confirmation`. */
                name?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "name": "order_ready",
                     *           "type": "text",
                     *           "language": "en",
                     *           "category": "utility",
                     *           "status": "active",
                     *           "content": {
                     *             "header": "Your order",
                     *             "body": "Thank you, {{customer}}! Your order #{{number}} is ready."
                     *           },
                     *           "variables": [
                     *             {}
                     *           ],
                     *           "cloud": {},
                     *           "cloudState": {
                     *             "status": "approved",
                     *             "reason": "Low quality",
                     *             "checkedAt": "2026-11-24T09:30:00.000Z"
                     *           },
                     *           "version": 2,
                     *           "reason": "Customers asked for the total",
                     *           "createdAt": "2026-11-24T09:30:00.000Z",
                     *           "updatedAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["TemplateView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_create: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "order_ready",
                 *       "category": "utility",
                 *       "status": "active",
                 *       "reason": "For the new shop",
                 *       "type": "text",
                 *       "language": "en",
                 *       "content": {
                 *         "header": "Your order",
                 *         "body": "Thank you, {{customer}}! Your order #{{number}} is ready."
                 *       },
                 *       "variables": [
                 *         {
                 *           "name": "customer",
                 *           "type": "text",
                 *           "example": "Rudo",
                 *           "default": "dear customer"
                 *         },
                 *         {
                 *           "name": "number",
                 *           "type": "text",
                 *           "example": "1042"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["CreateTemplateBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "order_ready",
                     *       "type": "text",
                     *       "language": "en",
                     *       "category": "utility",
                     *       "status": "active",
                     *       "content": {
                     *         "header": "Your order",
                     *         "body": "Thank you, {{customer}}! Your order #{{number}} is ready."
                     *       },
                     *       "variables": [
                     *         {}
                     *       ],
                     *       "cloud": {},
                     *       "cloudState": {
                     *         "status": "approved",
                     *         "reason": "Low quality",
                     *         "checkedAt": "2026-11-24T09:30:00.000Z"
                     *       },
                     *       "version": 2,
                     *       "reason": "Customers asked for the total",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "updatedAt": "2026-11-24T09:30:00.000Z",
                     *       "warnings": [
                     *         {
                     *           "path": "variables.0",
                     *           "code": "unused",
                     *           "message": "number is used nowhere in the template"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["SavedTemplateView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_preview: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "template": {
                 *         "type": "text",
                 *         "language": "en",
                 *         "content": {
                 *           "body": "Thank you, {{customer}}! Your order #{{number}} is ready."
                 *         },
                 *         "variables": [
                 *           {
                 *             "name": "customer",
                 *             "type": "text",
                 *             "example": "Rudo"
                 *           },
                 *           {
                 *             "name": "number",
                 *             "type": "text",
                 *             "example": "1042"
                 *           }
                 *         ]
                 *       },
                 *       "variables": {
                 *         "customer": "Tino",
                 *         "number": 1043
                 *       },
                 *       "language": "en"
                 *     }
                 */
                "application/json": components["schemas"]["PreviewBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "rendered": {
                     *         "body": "Thank you, Rudo!"
                     *       },
                     *       "payloads": {
                     *         "cloud": {
                     *           "messaging_product": "whatsapp",
                     *           "recipient_type": "individual",
                     *           "type": "text",
                     *           "text": {
                     *             "body": "Thank you, Rudo!"
                     *           }
                     *         },
                     *         "cloudTemplate": {
                     *           "messaging_product": "whatsapp",
                     *           "recipient_type": "individual",
                     *           "type": "template",
                     *           "template": {
                     *             "name": "order_update",
                     *             "language": {
                     *               "code": "en_US"
                     *             }
                     *           }
                     *         },
                     *         "baileys": {
                     *           "conversation": "Thank you, Rudo!"
                     *         },
                     *         "text": "Thank you, Rudo!"
                     *       },
                     *       "missing": [
                     *         "customer"
                     *       ],
                     *       "warnings": [
                     *         "WhatsApp Web (kind baileys) shows this list as numbered text; a number or title that is written back counts as the choice."
                     *       ],
                     *       "language": "en",
                     *       "direction": "ltr"
                     *     }
                     */
                    "application/json": components["schemas"]["TemplatePreviewView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_sync: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "checked": 3,
                     *       "changed": [
                     *         {
                     *           "previousState": "approved",
                     *           "state": "paused",
                     *           "reason": "Low quality",
                     *           "templateId": "01990000-0000-7000-8000-000000000004",
                     *           "name": "order_update",
                     *           "language": "en",
                     *           "counterpart": {
                     *             "name": "order_update",
                     *             "language": "en_US"
                     *           }
                     *         }
                     *       ],
                     *       "missing": [
                     *         {
                     *           "templateId": "01990000-0000-7000-8000-000000000004",
                     *           "name": "order_update",
                     *           "language": "en",
                     *           "counterpart": {
                     *             "name": "order_update",
                     *             "language": "en_US"
                     *           }
                     *         }
                     *       ],
                     *       "failed": [
                     *         {
                     *           "channelId": "01990000-0000-7000-8000-000000000005",
                     *           "wabaId": "102290129340398",
                     *           "code": "token_invalid",
                     *           "message": "The access token is not valid any more: put in a new one (PATCH /api/channels/:id)."
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["TemplateSyncView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "order_ready",
                     *       "type": "text",
                     *       "language": "en",
                     *       "category": "utility",
                     *       "status": "active",
                     *       "content": {
                     *         "header": "Your order",
                     *         "body": "Thank you, {{customer}}! Your order #{{number}} is ready."
                     *       },
                     *       "variables": [
                     *         {}
                     *       ],
                     *       "cloud": {},
                     *       "cloudState": {
                     *         "status": "approved",
                     *         "reason": "Low quality",
                     *         "checkedAt": "2026-11-24T09:30:00.000Z"
                     *       },
                     *       "version": 2,
                     *       "reason": "Customers asked for the total",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "updatedAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["TemplateView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_remove: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_update: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "category": "utility",
                 *       "status": "active",
                 *       "reason": "Customers asked for the total"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateTemplateBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "order_ready",
                     *       "type": "text",
                     *       "language": "en",
                     *       "category": "utility",
                     *       "status": "active",
                     *       "content": {
                     *         "header": "Your order",
                     *         "body": "Thank you, {{customer}}! Your order #{{number}} is ready."
                     *       },
                     *       "variables": [
                     *         {}
                     *       ],
                     *       "cloud": {},
                     *       "cloudState": {
                     *         "status": "approved",
                     *         "reason": "Low quality",
                     *         "checkedAt": "2026-11-24T09:30:00.000Z"
                     *       },
                     *       "version": 2,
                     *       "reason": "Customers asked for the total",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "updatedAt": "2026-11-24T09:30:00.000Z",
                     *       "warnings": [
                     *         {
                     *           "path": "variables.0",
                     *           "code": "unused",
                     *           "message": "number is used nowhere in the template"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["SavedTemplateView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_versions: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "version": 2,
                     *           "name": "order_ready",
                     *           "language": "en",
                     *           "type": "text",
                     *           "category": "utility",
                     *           "status": "active",
                     *           "content": {
                     *             "body": "Thank you, {{customer}}!"
                     *           },
                     *           "variables": [
                     *             {}
                     *           ],
                     *           "cloud": {},
                     *           "actor": {
                     *             "type": "user",
                     *             "id": "01990000-0000-7000-8000-000000000003",
                     *             "role": "owner"
                     *           },
                     *           "reason": "Customers asked for the total",
                     *           "changes": [
                     *             {
                     *               "path": "content.body",
                     *               "before": "Thank you!",
                     *               "after": "Thank you, {{customer}}!"
                     *             }
                     *           ],
                     *           "createdAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["TemplateVersionView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_diff: {
        parameters: {
            query?: {
                /** @description The version before `to` when missing. For example `1`. */
                from?: number;
                /** @description The newest when missing. For example `2`. */
                to?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "from": 1,
                     *       "to": 2,
                     *       "changes": [
                     *         {
                     *           "path": "content.body",
                     *           "before": "Thank you!",
                     *           "after": "Thank you, {{customer}}!"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["TemplateDiffView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_rollback: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "version": 1,
                 *       "reason": "The new text was too long"
                 *     }
                 */
                "application/json": components["schemas"]["RollbackBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "order_ready",
                     *       "type": "text",
                     *       "language": "en",
                     *       "category": "utility",
                     *       "status": "active",
                     *       "content": {
                     *         "header": "Your order",
                     *         "body": "Thank you, {{customer}}! Your order #{{number}} is ready."
                     *       },
                     *       "variables": [
                     *         {}
                     *       ],
                     *       "cloud": {},
                     *       "cloudState": {
                     *         "status": "approved",
                     *         "reason": "Low quality",
                     *         "checkedAt": "2026-11-24T09:30:00.000Z"
                     *       },
                     *       "version": 2,
                     *       "reason": "Customers asked for the total",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "updatedAt": "2026-11-24T09:30:00.000Z",
                     *       "warnings": [
                     *         {
                     *           "path": "variables.0",
                     *           "code": "unused",
                     *           "message": "number is used nowhere in the template"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["SavedTemplateView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    broadcasts_list: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
                status?: "cancelled" | "done" | "draft" | "paused" | "running" | "scheduled";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "name": "Spring sale",
                     *           "status": "running",
                     *           "templateName": "spring_sale",
                     *           "variables": {
                     *             "discount": "10 %"
                     *           },
                     *           "segment": {
                     *             "tags": [
                     *               "wholesale"
                     *             ],
                     *             "languages": [
                     *               "en"
                     *             ],
                     *             "hasOrdered": true,
                     *             "orderedSince": "2026-11-01T00:00:00Z",
                     *             "orderedBefore": "2036-12-01T00:00:00Z"
                     *           },
                     *           "channelId": "01990000-0000-7000-8000-000000000001",
                     *           "sendAt": "2026-11-24T09:30:00.000Z",
                     *           "reason": "The template spring_sale (en) is archived and so cannot be sent.",
                     *           "startedAt": "2026-11-24T09:30:00.000Z",
                     *           "finishedAt": "2026-11-24T09:30:00.000Z",
                     *           "createdAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["BroadcastView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    broadcasts_create: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Spring sale",
                 *       "templateName": "spring_sale",
                 *       "variables": {
                 *         "discount": "10 %"
                 *       },
                 *       "segment": {
                 *         "tags": [
                 *           "wholesale"
                 *         ],
                 *         "languages": [
                 *           "en"
                 *         ],
                 *         "hasOrdered": true,
                 *         "orderedSince": "2026-11-01T00:00:00Z",
                 *         "orderedBefore": "2036-12-01T00:00:00Z"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["CreateBroadcastBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "Spring sale",
                     *       "status": "running",
                     *       "templateName": "spring_sale",
                     *       "variables": {
                     *         "discount": "10 %"
                     *       },
                     *       "segment": {
                     *         "tags": [
                     *           "wholesale"
                     *         ],
                     *         "languages": [
                     *           "en"
                     *         ],
                     *         "hasOrdered": true,
                     *         "orderedSince": "2026-11-01T00:00:00Z",
                     *         "orderedBefore": "2036-12-01T00:00:00Z"
                     *       },
                     *       "channelId": "01990000-0000-7000-8000-000000000001",
                     *       "sendAt": "2026-11-24T09:30:00.000Z",
                     *       "reason": "The template spring_sale (en) is archived and so cannot be sent.",
                     *       "startedAt": "2026-11-24T09:30:00.000Z",
                     *       "finishedAt": "2026-11-24T09:30:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "recipients": 19,
                     *       "counts": {
                     *         "waiting": 0,
                     *         "queued": 0,
                     *         "sent": 2,
                     *         "delivered": 10,
                     *         "read": 5,
                     *         "failed": 1,
                     *         "skipped": 1
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["BroadcastDetailView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    broadcasts_preview: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "templateName": "spring_sale",
                 *       "variables": {
                 *         "discount": "10 %"
                 *       },
                 *       "segment": {
                 *         "tags": [
                 *           "wholesale"
                 *         ],
                 *         "languages": [
                 *           "en"
                 *         ],
                 *         "hasOrdered": true,
                 *         "orderedSince": "2026-11-01T00:00:00Z",
                 *         "orderedBefore": "2036-12-01T00:00:00Z"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["BroadcastPreviewBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "recipients": 19,
                     *       "excluded": {
                     *         "blocked": 1,
                     *         "optedOut": 4,
                     *         "marketingStopped": 0,
                     *         "notOptedIn": 12,
                     *         "unreachable": 0
                     *       },
                     *       "examples": [
                     *         {
                     *           "contactId": "01990000-0000-7000-8000-000000000001",
                     *           "phone": "+263771234567",
                     *           "name": "Rudo",
                     *           "language": "en",
                     *           "text": "Rudo, all maize meal is 10 % off this week."
                     *         }
                     *       ],
                     *       "warnings": [
                     *         "12 of the segment have not agreed to marketing: they are left out."
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["BroadcastPreviewView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    broadcasts_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "Spring sale",
                     *       "status": "running",
                     *       "templateName": "spring_sale",
                     *       "variables": {
                     *         "discount": "10 %"
                     *       },
                     *       "segment": {
                     *         "tags": [
                     *           "wholesale"
                     *         ],
                     *         "languages": [
                     *           "en"
                     *         ],
                     *         "hasOrdered": true,
                     *         "orderedSince": "2026-11-01T00:00:00Z",
                     *         "orderedBefore": "2036-12-01T00:00:00Z"
                     *       },
                     *       "channelId": "01990000-0000-7000-8000-000000000001",
                     *       "sendAt": "2026-11-24T09:30:00.000Z",
                     *       "reason": "The template spring_sale (en) is archived and so cannot be sent.",
                     *       "startedAt": "2026-11-24T09:30:00.000Z",
                     *       "finishedAt": "2026-11-24T09:30:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "recipients": 19,
                     *       "counts": {
                     *         "waiting": 0,
                     *         "queued": 0,
                     *         "sent": 2,
                     *         "delivered": 10,
                     *         "read": 5,
                     *         "failed": 1,
                     *         "skipped": 1
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["BroadcastDetailView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    broadcasts_recipients: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
                status?: "delivered" | "failed" | "queued" | "read" | "sent" | "skipped" | "waiting";
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "contactId": "01990000-0000-7000-8000-000000000001",
                     *           "phone": "+263771234567",
                     *           "name": "Rudo",
                     *           "status": "delivered",
                     *           "messageId": "01990000-0000-7000-8000-000000000001",
                     *           "why": {
                     *             "code": "opted_out",
                     *             "message": "The customer wrote STOP."
                     *           }
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["RecipientView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    broadcasts_start: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "Spring sale",
                     *       "status": "running",
                     *       "templateName": "spring_sale",
                     *       "variables": {
                     *         "discount": "10 %"
                     *       },
                     *       "segment": {
                     *         "tags": [
                     *           "wholesale"
                     *         ],
                     *         "languages": [
                     *           "en"
                     *         ],
                     *         "hasOrdered": true,
                     *         "orderedSince": "2026-11-01T00:00:00Z",
                     *         "orderedBefore": "2036-12-01T00:00:00Z"
                     *       },
                     *       "channelId": "01990000-0000-7000-8000-000000000001",
                     *       "sendAt": "2026-11-24T09:30:00.000Z",
                     *       "reason": "The template spring_sale (en) is archived and so cannot be sent.",
                     *       "startedAt": "2026-11-24T09:30:00.000Z",
                     *       "finishedAt": "2026-11-24T09:30:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "recipients": 19,
                     *       "counts": {
                     *         "waiting": 0,
                     *         "queued": 0,
                     *         "sent": 2,
                     *         "delivered": 10,
                     *         "read": 5,
                     *         "failed": 1,
                     *         "skipped": 1
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["BroadcastDetailView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    broadcasts_pause: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "Spring sale",
                     *       "status": "running",
                     *       "templateName": "spring_sale",
                     *       "variables": {
                     *         "discount": "10 %"
                     *       },
                     *       "segment": {
                     *         "tags": [
                     *           "wholesale"
                     *         ],
                     *         "languages": [
                     *           "en"
                     *         ],
                     *         "hasOrdered": true,
                     *         "orderedSince": "2026-11-01T00:00:00Z",
                     *         "orderedBefore": "2036-12-01T00:00:00Z"
                     *       },
                     *       "channelId": "01990000-0000-7000-8000-000000000001",
                     *       "sendAt": "2026-11-24T09:30:00.000Z",
                     *       "reason": "The template spring_sale (en) is archived and so cannot be sent.",
                     *       "startedAt": "2026-11-24T09:30:00.000Z",
                     *       "finishedAt": "2026-11-24T09:30:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "recipients": 19,
                     *       "counts": {
                     *         "waiting": 0,
                     *         "queued": 0,
                     *         "sent": 2,
                     *         "delivered": 10,
                     *         "read": 5,
                     *         "failed": 1,
                     *         "skipped": 1
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["BroadcastDetailView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    broadcasts_resume: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "Spring sale",
                     *       "status": "running",
                     *       "templateName": "spring_sale",
                     *       "variables": {
                     *         "discount": "10 %"
                     *       },
                     *       "segment": {
                     *         "tags": [
                     *           "wholesale"
                     *         ],
                     *         "languages": [
                     *           "en"
                     *         ],
                     *         "hasOrdered": true,
                     *         "orderedSince": "2026-11-01T00:00:00Z",
                     *         "orderedBefore": "2036-12-01T00:00:00Z"
                     *       },
                     *       "channelId": "01990000-0000-7000-8000-000000000001",
                     *       "sendAt": "2026-11-24T09:30:00.000Z",
                     *       "reason": "The template spring_sale (en) is archived and so cannot be sent.",
                     *       "startedAt": "2026-11-24T09:30:00.000Z",
                     *       "finishedAt": "2026-11-24T09:30:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "recipients": 19,
                     *       "counts": {
                     *         "waiting": 0,
                     *         "queued": 0,
                     *         "sent": 2,
                     *         "delivered": 10,
                     *         "read": 5,
                     *         "failed": 1,
                     *         "skipped": 1
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["BroadcastDetailView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    broadcasts_cancel: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "Spring sale",
                     *       "status": "running",
                     *       "templateName": "spring_sale",
                     *       "variables": {
                     *         "discount": "10 %"
                     *       },
                     *       "segment": {
                     *         "tags": [
                     *           "wholesale"
                     *         ],
                     *         "languages": [
                     *           "en"
                     *         ],
                     *         "hasOrdered": true,
                     *         "orderedSince": "2026-11-01T00:00:00Z",
                     *         "orderedBefore": "2036-12-01T00:00:00Z"
                     *       },
                     *       "channelId": "01990000-0000-7000-8000-000000000001",
                     *       "sendAt": "2026-11-24T09:30:00.000Z",
                     *       "reason": "The template spring_sale (en) is archived and so cannot be sent.",
                     *       "startedAt": "2026-11-24T09:30:00.000Z",
                     *       "finishedAt": "2026-11-24T09:30:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "recipients": 19,
                     *       "counts": {
                     *         "waiting": 0,
                     *         "queued": 0,
                     *         "sent": 2,
                     *         "delivered": 10,
                     *         "read": 5,
                     *         "failed": 1,
                     *         "skipped": 1
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["BroadcastDetailView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    media_upload: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "filename": "dot.png",
                 *       "mimeType": "image/png",
                 *       "data": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
                 *     }
                 */
                "application/json": components["schemas"]["UploadBody"];
                "multipart/form-data": {
                    /** Format: binary */
                    file: string;
                };
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "kind": "image",
                     *       "mimeType": "image/jpeg",
                     *       "size": 1848123,
                     *       "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                     *       "filename": "maize.jpg",
                     *       "status": "ready",
                     *       "reason": "The picture is damaged.",
                     *       "url": "https://soko.example.com/media/…",
                     *       "thumbnailUrl": "https://soko.example.com/media/…",
                     *       "blurhash": "LKO2?U%2Tw=w]~RBVZRi};RPxuwH",
                     *       "width": 2048,
                     *       "height": 1536,
                     *       "variants": {
                     *         "original": {
                     *           "url": "https://soko.example.com/media/…",
                     *           "mimeType": "image/jpeg",
                     *           "width": 800,
                     *           "height": 600,
                     *           "size": 61234
                     *         },
                     *         "medium": {
                     *           "url": "https://soko.example.com/media/…",
                     *           "mimeType": "image/jpeg",
                     *           "width": 800,
                     *           "height": 600,
                     *           "size": 61234
                     *         },
                     *         "thumbnail": {
                     *           "url": "https://soko.example.com/media/…",
                     *           "mimeType": "image/jpeg",
                     *           "width": 800,
                     *           "height": 600,
                     *           "size": 61234
                     *         }
                     *       },
                     *       "path": "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071/019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6072/original",
                     *       "origin": "upload",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["MediaView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    media_uploadMedia: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "filename": "dot.png",
                 *       "mimeType": "image/png",
                 *       "data": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
                 *     }
                 */
                "application/json": components["schemas"]["UploadBody"];
                "multipart/form-data": {
                    /** Format: binary */
                    file: string;
                };
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "kind": "image",
                     *       "mimeType": "image/jpeg",
                     *       "size": 1848123,
                     *       "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                     *       "filename": "maize.jpg",
                     *       "status": "ready",
                     *       "reason": "The picture is damaged.",
                     *       "url": "https://soko.example.com/media/…",
                     *       "thumbnailUrl": "https://soko.example.com/media/…",
                     *       "blurhash": "LKO2?U%2Tw=w]~RBVZRi};RPxuwH",
                     *       "width": 2048,
                     *       "height": 1536,
                     *       "variants": {
                     *         "original": {
                     *           "url": "https://soko.example.com/media/…",
                     *           "mimeType": "image/jpeg",
                     *           "width": 800,
                     *           "height": 600,
                     *           "size": 61234
                     *         },
                     *         "medium": {
                     *           "url": "https://soko.example.com/media/…",
                     *           "mimeType": "image/jpeg",
                     *           "width": 800,
                     *           "height": 600,
                     *           "size": 61234
                     *         },
                     *         "thumbnail": {
                     *           "url": "https://soko.example.com/media/…",
                     *           "mimeType": "image/jpeg",
                     *           "width": 800,
                     *           "height": 600,
                     *           "size": 61234
                     *         }
                     *       },
                     *       "path": "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071/019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6072/original",
                     *       "origin": "upload",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["MediaView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    media_list: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
                /** @description image, video, audio, document or sticker. For example `image`. */
                kind?: "audio" | "document" | "image" | "sticker" | "video";
                /** @description processing, ready or failed. For example `ready`. */
                status?: "failed" | "processing" | "ready";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "kind": "image",
                     *           "mimeType": "image/jpeg",
                     *           "size": 1848123,
                     *           "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                     *           "filename": "maize.jpg",
                     *           "status": "ready",
                     *           "reason": "The picture is damaged.",
                     *           "url": "https://soko.example.com/media/…",
                     *           "thumbnailUrl": "https://soko.example.com/media/…",
                     *           "blurhash": "LKO2?U%2Tw=w]~RBVZRi};RPxuwH",
                     *           "width": 2048,
                     *           "height": 1536,
                     *           "variants": {
                     *             "original": {
                     *               "url": "https://soko.example.com/media/…",
                     *               "mimeType": "image/jpeg",
                     *               "width": 800,
                     *               "height": 600,
                     *               "size": 61234
                     *             },
                     *             "medium": {
                     *               "url": "https://soko.example.com/media/…",
                     *               "mimeType": "image/jpeg",
                     *               "width": 800,
                     *               "height": 600,
                     *               "size": 61234
                     *             },
                     *             "thumbnail": {
                     *               "url": "https://soko.example.com/media/…",
                     *               "mimeType": "image/jpeg",
                     *               "width": 800,
                     *               "height": 600,
                     *               "size": 61234
                     *             }
                     *           },
                     *           "path": "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071/019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6072/original",
                     *           "origin": "upload",
                     *           "createdAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["MediaView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    media_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                media_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "kind": "image",
                     *       "mimeType": "image/jpeg",
                     *       "size": 1848123,
                     *       "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                     *       "filename": "maize.jpg",
                     *       "status": "ready",
                     *       "reason": "The picture is damaged.",
                     *       "url": "https://soko.example.com/media/…",
                     *       "thumbnailUrl": "https://soko.example.com/media/…",
                     *       "blurhash": "LKO2?U%2Tw=w]~RBVZRi};RPxuwH",
                     *       "width": 2048,
                     *       "height": 1536,
                     *       "variants": {
                     *         "original": {
                     *           "url": "https://soko.example.com/media/…",
                     *           "mimeType": "image/jpeg",
                     *           "width": 800,
                     *           "height": 600,
                     *           "size": 61234
                     *         },
                     *         "medium": {
                     *           "url": "https://soko.example.com/media/…",
                     *           "mimeType": "image/jpeg",
                     *           "width": 800,
                     *           "height": 600,
                     *           "size": 61234
                     *         },
                     *         "thumbnail": {
                     *           "url": "https://soko.example.com/media/…",
                     *           "mimeType": "image/jpeg",
                     *           "width": 800,
                     *           "height": 600,
                     *           "size": 61234
                     *         }
                     *       },
                     *       "path": "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071/019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6072/original",
                     *       "origin": "upload",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["MediaView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    media_remove: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                media_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    media_signedUrl: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                path: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "url": "https://soko.example.com/media/…",
                     *       "expiresAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["SignedUrlView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    media_removePath: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                path: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    products_list: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
                /** @description For example `Groceries`. */
                category?: string;
                /** @description true: what customers see; false: what they do not. For example `true`. */
                active?: "false" | "true";
                /** @description A part of the name, or the SKU. For example `maize`. */
                q?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "sku": "MAIZE-10",
                     *           "name": "Maize meal 10 kg",
                     *           "description": "White roller meal",
                     *           "price": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "category": "Groceries",
                     *           "stock": 25,
                     *           "available": 21,
                     *           "lowStockAt": 5,
                     *           "active": true,
                     *           "picture": {
                     *             "mediaId": "01990000-0000-7000-8000-000000000001",
                     *             "url": "https://soko.example.com/media/…",
                     *             "thumbnailUrl": "https://soko.example.com/media/…"
                     *           }
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["ProductView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    products_create: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "sku": "MAIZE-10",
                 *       "name": "Maize meal 10 kg",
                 *       "description": "White roller meal",
                 *       "price": {
                 *         "amount": 1250,
                 *         "currency": "USD"
                 *       },
                 *       "category": "Groceries",
                 *       "stock": 25,
                 *       "lowStockAt": 5,
                 *       "active": true
                 *     }
                 */
                "application/json": components["schemas"]["CreateProductBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "sku": "MAIZE-10",
                     *       "name": "Maize meal 10 kg",
                     *       "description": "White roller meal",
                     *       "price": {
                     *         "amount": 1250,
                     *         "currency": "USD"
                     *       },
                     *       "category": "Groceries",
                     *       "stock": 25,
                     *       "available": 21,
                     *       "lowStockAt": 5,
                     *       "active": true,
                     *       "picture": {
                     *         "mediaId": "01990000-0000-7000-8000-000000000001",
                     *         "url": "https://soko.example.com/media/…",
                     *         "thumbnailUrl": "https://soko.example.com/media/…"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["ProductView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    products_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "sku": "MAIZE-10",
                     *       "name": "Maize meal 10 kg",
                     *       "description": "White roller meal",
                     *       "price": {
                     *         "amount": 1250,
                     *         "currency": "USD"
                     *       },
                     *       "category": "Groceries",
                     *       "stock": 25,
                     *       "available": 21,
                     *       "lowStockAt": 5,
                     *       "active": true,
                     *       "picture": {
                     *         "mediaId": "01990000-0000-7000-8000-000000000001",
                     *         "url": "https://soko.example.com/media/…",
                     *         "thumbnailUrl": "https://soko.example.com/media/…"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["ProductView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    products_remove: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    products_update: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Maize meal 10 kg",
                 *       "stock": 40
                 *     }
                 */
                "application/json": components["schemas"]["UpdateProductBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "sku": "MAIZE-10",
                     *       "name": "Maize meal 10 kg",
                     *       "description": "White roller meal",
                     *       "price": {
                     *         "amount": 1250,
                     *         "currency": "USD"
                     *       },
                     *       "category": "Groceries",
                     *       "stock": 25,
                     *       "available": 21,
                     *       "lowStockAt": 5,
                     *       "active": true,
                     *       "picture": {
                     *         "mediaId": "01990000-0000-7000-8000-000000000001",
                     *         "url": "https://soko.example.com/media/…",
                     *         "thumbnailUrl": "https://soko.example.com/media/…"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["ProductView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    products_ledger: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "kind": "adjustment",
                     *           "stockDelta": 12,
                     *           "reservedDelta": 0,
                     *           "stock": 25,
                     *           "reserved": 4,
                     *           "orderId": "01990000-0000-7000-8000-000000000001",
                     *           "reason": "New delivery",
                     *           "actor": {
                     *             "type": "user",
                     *             "id": "01990000-0000-7000-8000-000000000003"
                     *           },
                     *           "createdAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["StockMovementView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    products_adjust: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "delta": 12,
                 *       "reason": "New delivery"
                 *     }
                 */
                "application/json": components["schemas"]["AdjustStockBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "kind": "adjustment",
                     *       "stockDelta": 12,
                     *       "reservedDelta": 0,
                     *       "stock": 25,
                     *       "reserved": 4,
                     *       "orderId": "01990000-0000-7000-8000-000000000001",
                     *       "reason": "New delivery",
                     *       "actor": {
                     *         "type": "user",
                     *         "id": "01990000-0000-7000-8000-000000000003"
                     *       },
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["StockMovementView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    products_pictures: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "kind": "image",
                     *           "mimeType": "image/jpeg",
                     *           "size": 1848123,
                     *           "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                     *           "filename": "maize.jpg",
                     *           "status": "ready",
                     *           "reason": "The picture is damaged.",
                     *           "url": "https://soko.example.com/media/…",
                     *           "thumbnailUrl": "https://soko.example.com/media/…",
                     *           "blurhash": "LKO2?U%2Tw=w]~RBVZRi};RPxuwH",
                     *           "width": 2048,
                     *           "height": 1536,
                     *           "variants": {
                     *             "original": {
                     *               "url": "https://soko.example.com/media/…",
                     *               "mimeType": "image/jpeg",
                     *               "width": 800,
                     *               "height": 600,
                     *               "size": 61234
                     *             },
                     *             "medium": {
                     *               "url": "https://soko.example.com/media/…",
                     *               "mimeType": "image/jpeg",
                     *               "width": 800,
                     *               "height": 600,
                     *               "size": 61234
                     *             },
                     *             "thumbnail": {
                     *               "url": "https://soko.example.com/media/…",
                     *               "mimeType": "image/jpeg",
                     *               "width": 800,
                     *               "height": 600,
                     *               "size": 61234
                     *             }
                     *           },
                     *           "path": "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071/019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6072/original",
                     *           "origin": "upload",
                     *           "createdAt": "2026-11-24T09:30:00.000Z",
                     *           "position": 0
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["ProductMediaView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    products_addPicture: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "mediaId": "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071",
                 *       "position": 0
                 *     }
                 */
                "application/json": components["schemas"]["AddProductMediaBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "kind": "image",
                     *           "mimeType": "image/jpeg",
                     *           "size": 1848123,
                     *           "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                     *           "filename": "maize.jpg",
                     *           "status": "ready",
                     *           "reason": "The picture is damaged.",
                     *           "url": "https://soko.example.com/media/…",
                     *           "thumbnailUrl": "https://soko.example.com/media/…",
                     *           "blurhash": "LKO2?U%2Tw=w]~RBVZRi};RPxuwH",
                     *           "width": 2048,
                     *           "height": 1536,
                     *           "variants": {
                     *             "original": {
                     *               "url": "https://soko.example.com/media/…",
                     *               "mimeType": "image/jpeg",
                     *               "width": 800,
                     *               "height": 600,
                     *               "size": 61234
                     *             },
                     *             "medium": {
                     *               "url": "https://soko.example.com/media/…",
                     *               "mimeType": "image/jpeg",
                     *               "width": 800,
                     *               "height": 600,
                     *               "size": 61234
                     *             },
                     *             "thumbnail": {
                     *               "url": "https://soko.example.com/media/…",
                     *               "mimeType": "image/jpeg",
                     *               "width": 800,
                     *               "height": 600,
                     *               "size": 61234
                     *             }
                     *           },
                     *           "path": "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071/019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6072/original",
                     *           "origin": "upload",
                     *           "createdAt": "2026-11-24T09:30:00.000Z",
                     *           "position": 0
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["ProductMediaView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    products_removePictures: {
        parameters: {
            query?: {
                /** @description All of the product's pictures when left out. */
                mediaId?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    products_removePicture: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                mediaId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    productsCsv_export: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example sku,name,price,stock
                     *     MAIZE-10,Maize meal 10 kg,12.50,25
                     */
                    "text/csv": string;
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    productsCsv_import: {
        parameters: {
            query?: {
                /** @description true: nothing is written, and the answer tells what would become of it. For example `true`. */
                dryRun?: "false" | "true";
            };
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "text/csv": string;
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "created": 12,
                     *       "updated": 3,
                     *       "unchanged": 0,
                     *       "failed": 1,
                     *       "lines": [
                     *         {
                     *           "line": 2,
                     *           "sku": "MAIZE-10",
                     *           "outcome": "failed",
                     *           "errors": [
                     *             {
                     *               "path": "stock",
                     *               "code": "csv",
                     *               "message": "stock must be a whole number, such as 25"
                     *             }
                     *           ]
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ImportReportView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    orders_list: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
                status?: "cancelled" | "confirmed" | "delivered" | "out_for_delivery" | "pending" | "preparing" | "rejected";
                /** @description The customer's number. For example `+263771234567`. */
                customer?: string;
                /** @description Not before this time. For example `2026-11-01T00:00:00Z`. */
                from?: string;
                /** @description Before this time. For example `2036-12-01T00:00:00Z`. */
                to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "number": 42,
                     *           "status": "pending",
                     *           "total": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "customer": {
                     *             "phone": "+263771234567",
                     *             "name": "Rudo"
                     *           },
                     *           "paymentMethod": "cash_on_delivery",
                     *           "paymentStatus": "unpaid",
                     *           "reservedUntil": "2026-11-24T10:00:00.000Z",
                     *           "note": "Ring twice",
                     *           "reason": "Only 3 left",
                     *           "createdAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["OrderSummaryView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    orders_place: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "customer": {
                 *         "phone": "+263771234567",
                 *         "name": "Rudo"
                 *       },
                 *       "items": [
                 *         {
                 *           "productId": "01990000-0000-7000-8000-000000000001",
                 *           "quantity": 2
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["PlaceOrderBody"];
            };
        };
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "number": 42,
                     *       "status": "pending",
                     *       "total": {
                     *         "amount": 1250,
                     *         "currency": "USD"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["PlacedOrderView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    orders_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "number": 42,
                     *       "status": "pending",
                     *       "total": {
                     *         "amount": 1250,
                     *         "currency": "USD"
                     *       },
                     *       "customer": {
                     *         "phone": "+263771234567",
                     *         "name": "Rudo"
                     *       },
                     *       "paymentMethod": "cash_on_delivery",
                     *       "paymentStatus": "unpaid",
                     *       "reservedUntil": "2026-11-24T10:00:00.000Z",
                     *       "note": "Ring twice",
                     *       "reason": "Only 3 left",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "items": [
                     *         {
                     *           "productId": "01990000-0000-7000-8000-000000000001",
                     *           "sku": "MAIZE-10",
                     *           "name": "Maize meal 10 kg",
                     *           "quantity": 2,
                     *           "unitPrice": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "total": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           }
                     *         }
                     *       ],
                     *       "payments": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "orderId": "01990000-0000-7000-8000-000000000001",
                     *           "method": "payment_link",
                     *           "provider": "stripe",
                     *           "status": "paid",
                     *           "amount": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "received": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "refunded": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "reference": "••••o M.",
                     *           "url": "https://pay.example.com/?ref=1",
                     *           "expiresAt": "2026-11-24T09:30:00.000Z",
                     *           "reason": "the payment link has expired",
                     *           "refunds": [
                     *             {
                     *               "id": "01990000-0000-7000-8000-000000000001",
                     *               "amount": {
                     *                 "amount": 1250,
                     *                 "currency": "USD"
                     *               },
                     *               "status": "due",
                     *               "reason": "The bag was torn",
                     *               "error": "insufficient funds",
                     *               "createdAt": "2026-11-24T09:30:00.000Z",
                     *               "doneAt": "2026-11-24T09:30:00.000Z"
                     *             }
                     *           ],
                     *           "createdAt": "2026-11-24T09:30:00.000Z",
                     *           "paidAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "delivery": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "orderId": "01990000-0000-7000-8000-000000000001",
                     *         "orderNumber": 42,
                     *         "status": "in_transit",
                     *         "customer": {
                     *           "phone": "+263771234567",
                     *           "name": "Rudo"
                     *         },
                     *         "destination": {
                     *           "address": "12 Samora Machel Ave, Harare",
                     *           "location": {
                     *             "latitude": -17.8292,
                     *             "longitude": 31.0522
                     *           }
                     *         },
                     *         "driver": {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "name": "Tapiwa"
                     *         },
                     *         "attempt": 1,
                     *         "reason": "Nobody at home",
                     *         "position": {
                     *           "latitude": -17.8292,
                     *           "longitude": 31.0522,
                     *           "accuracy": 12,
                     *           "at": "2026-11-24T09:30:00.000Z"
                     *         },
                     *         "proof": "code",
                     *         "photoId": "01990000-0000-7000-8000-000000000001",
                     *         "startedAt": "2026-11-24T09:30:00.000Z",
                     *         "closedAt": "2026-11-24T09:30:00.000Z",
                     *         "createdAt": "2026-11-24T09:30:00.000Z"
                     *       },
                     *       "history": [
                     *         {
                     *           "from": "pending",
                     *           "to": "confirmed",
                     *           "actor": "system",
                     *           "reason": "The customer called",
                     *           "at": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["OrderView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    orders_act: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "action": "cancel",
                 *       "reason": "The customer called"
                 *     }
                 */
                "application/json": components["schemas"]["TransitionBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "number": 42,
                     *       "status": "pending",
                     *       "total": {
                     *         "amount": 1250,
                     *         "currency": "USD"
                     *       },
                     *       "customer": {
                     *         "phone": "+263771234567",
                     *         "name": "Rudo"
                     *       },
                     *       "paymentMethod": "cash_on_delivery",
                     *       "paymentStatus": "unpaid",
                     *       "reservedUntil": "2026-11-24T10:00:00.000Z",
                     *       "note": "Ring twice",
                     *       "reason": "Only 3 left",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "items": [
                     *         {
                     *           "productId": "01990000-0000-7000-8000-000000000001",
                     *           "sku": "MAIZE-10",
                     *           "name": "Maize meal 10 kg",
                     *           "quantity": 2,
                     *           "unitPrice": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "total": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           }
                     *         }
                     *       ],
                     *       "payments": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "orderId": "01990000-0000-7000-8000-000000000001",
                     *           "method": "payment_link",
                     *           "provider": "stripe",
                     *           "status": "paid",
                     *           "amount": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "received": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "refunded": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "reference": "••••o M.",
                     *           "url": "https://pay.example.com/?ref=1",
                     *           "expiresAt": "2026-11-24T09:30:00.000Z",
                     *           "reason": "the payment link has expired",
                     *           "refunds": [
                     *             {
                     *               "id": "01990000-0000-7000-8000-000000000001",
                     *               "amount": {
                     *                 "amount": 1250,
                     *                 "currency": "USD"
                     *               },
                     *               "status": "due",
                     *               "reason": "The bag was torn",
                     *               "error": "insufficient funds",
                     *               "createdAt": "2026-11-24T09:30:00.000Z",
                     *               "doneAt": "2026-11-24T09:30:00.000Z"
                     *             }
                     *           ],
                     *           "createdAt": "2026-11-24T09:30:00.000Z",
                     *           "paidAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "delivery": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "orderId": "01990000-0000-7000-8000-000000000001",
                     *         "orderNumber": 42,
                     *         "status": "in_transit",
                     *         "customer": {
                     *           "phone": "+263771234567",
                     *           "name": "Rudo"
                     *         },
                     *         "destination": {
                     *           "address": "12 Samora Machel Ave, Harare",
                     *           "location": {
                     *             "latitude": -17.8292,
                     *             "longitude": 31.0522
                     *           }
                     *         },
                     *         "driver": {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "name": "Tapiwa"
                     *         },
                     *         "attempt": 1,
                     *         "reason": "Nobody at home",
                     *         "position": {
                     *           "latitude": -17.8292,
                     *           "longitude": 31.0522,
                     *           "accuracy": 12,
                     *           "at": "2026-11-24T09:30:00.000Z"
                     *         },
                     *         "proof": "code",
                     *         "photoId": "01990000-0000-7000-8000-000000000001",
                     *         "startedAt": "2026-11-24T09:30:00.000Z",
                     *         "closedAt": "2026-11-24T09:30:00.000Z",
                     *         "createdAt": "2026-11-24T09:30:00.000Z"
                     *       },
                     *       "history": [
                     *         {
                     *           "from": "pending",
                     *           "to": "confirmed",
                     *           "actor": "system",
                     *           "reason": "The customer called",
                     *           "at": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["OrderView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    orders_payments: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "orderId": "01990000-0000-7000-8000-000000000001",
                     *           "method": "payment_link",
                     *           "provider": "stripe",
                     *           "status": "paid",
                     *           "amount": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "received": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "refunded": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "reference": "••••o M.",
                     *           "url": "https://pay.example.com/?ref=1",
                     *           "expiresAt": "2026-11-24T09:30:00.000Z",
                     *           "reason": "the payment link has expired",
                     *           "refunds": [
                     *             {
                     *               "id": "01990000-0000-7000-8000-000000000001",
                     *               "amount": {
                     *                 "amount": 1250,
                     *                 "currency": "USD"
                     *               },
                     *               "status": "due",
                     *               "reason": "The bag was torn",
                     *               "error": "insufficient funds",
                     *               "createdAt": "2026-11-24T09:30:00.000Z",
                     *               "doneAt": "2026-11-24T09:30:00.000Z"
                     *             }
                     *           ],
                     *           "createdAt": "2026-11-24T09:30:00.000Z",
                     *           "paidAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["PaymentView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    orders_pay: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "method": "cash_on_delivery",
                 *       "reference": "TXN 88120 Rudo M."
                 *     }
                 */
                "application/json": components["schemas"]["AddPaymentBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "orderId": "01990000-0000-7000-8000-000000000001",
                     *       "method": "payment_link",
                     *       "provider": "stripe",
                     *       "status": "paid",
                     *       "amount": {
                     *         "amount": 1250,
                     *         "currency": "USD"
                     *       },
                     *       "received": {
                     *         "amount": 1250,
                     *         "currency": "USD"
                     *       },
                     *       "refunded": {
                     *         "amount": 1250,
                     *         "currency": "USD"
                     *       },
                     *       "reference": "••••o M.",
                     *       "url": "https://pay.example.com/?ref=1",
                     *       "expiresAt": "2026-11-24T09:30:00.000Z",
                     *       "reason": "the payment link has expired",
                     *       "refunds": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "amount": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "status": "due",
                     *           "reason": "The bag was torn",
                     *           "error": "insufficient funds",
                     *           "createdAt": "2026-11-24T09:30:00.000Z",
                     *           "doneAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "paidAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["PaymentView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    payments_list: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
                status?: "authorized" | "failed" | "paid" | "partially_refunded" | "pending" | "refunded";
                /** @description Only those of which a person must still give something back. */
                refundDue?: "true";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "orderId": "01990000-0000-7000-8000-000000000001",
                     *           "method": "payment_link",
                     *           "provider": "stripe",
                     *           "status": "paid",
                     *           "amount": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "received": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "refunded": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "reference": "••••o M.",
                     *           "url": "https://pay.example.com/?ref=1",
                     *           "expiresAt": "2026-11-24T09:30:00.000Z",
                     *           "reason": "the payment link has expired",
                     *           "refunds": [
                     *             {
                     *               "id": "01990000-0000-7000-8000-000000000001",
                     *               "amount": {
                     *                 "amount": 1250,
                     *                 "currency": "USD"
                     *               },
                     *               "status": "due",
                     *               "reason": "The bag was torn",
                     *               "error": "insufficient funds",
                     *               "createdAt": "2026-11-24T09:30:00.000Z",
                     *               "doneAt": "2026-11-24T09:30:00.000Z"
                     *             }
                     *           ],
                     *           "createdAt": "2026-11-24T09:30:00.000Z",
                     *           "paidAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["PaymentView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    payments_refund: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "reason": "The bag was torn"
                 *     }
                 */
                "application/json": components["schemas"]["RefundBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "orderId": "01990000-0000-7000-8000-000000000001",
                     *       "method": "payment_link",
                     *       "provider": "stripe",
                     *       "status": "paid",
                     *       "amount": {
                     *         "amount": 1250,
                     *         "currency": "USD"
                     *       },
                     *       "received": {
                     *         "amount": 1250,
                     *         "currency": "USD"
                     *       },
                     *       "refunded": {
                     *         "amount": 1250,
                     *         "currency": "USD"
                     *       },
                     *       "reference": "••••o M.",
                     *       "url": "https://pay.example.com/?ref=1",
                     *       "expiresAt": "2026-11-24T09:30:00.000Z",
                     *       "reason": "the payment link has expired",
                     *       "refunds": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "amount": {
                     *             "amount": 1250,
                     *             "currency": "USD"
                     *           },
                     *           "status": "due",
                     *           "reason": "The bag was torn",
                     *           "error": "insufficient funds",
                     *           "createdAt": "2026-11-24T09:30:00.000Z",
                     *           "doneAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "paidAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["PaymentView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    paymentMethods_list: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "name": "stripe",
                     *         "active": true,
                     *         "instructions": "EcoCash 0771 234 567, Mbare Market",
                     *         "returnUrl": "https://shop.example.com/thanks",
                     *         "linkUrl": "https://pay.example.com/?ref={paymentId}",
                     *         "secrets": {
                     *           "secretKey": "••••1234"
                     *         },
                     *         "noticePath": "/webhooks/payments/stripe/01990000-0000-7000-8000-000000000001"
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["PaymentMethodView"][];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    paymentMethods_update: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: "cash_on_delivery" | "mobile_money" | "stripe" | "transfer";
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "active": true,
                 *       "instructions": "EcoCash 0771 234 567, Mbare Market",
                 *       "returnUrl": "https://shop.example.com/thanks",
                 *       "secretKey": "sk_test_00000000000000000000000000",
                 *       "linkUrl": "https://pay.example.com/?ref={paymentId}&amount={amount}&currency={currency}&sig={signature}",
                 *       "webhookSecret": "whsec_Zm9yIGV4YW1wbGUgb25seTogdGhpcyBpcyBubyBrZXk="
                 *     }
                 */
                "application/json": components["schemas"]["UpdatePaymentMethodBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "name": "stripe",
                     *       "active": true,
                     *       "instructions": "EcoCash 0771 234 567, Mbare Market",
                     *       "returnUrl": "https://shop.example.com/thanks",
                     *       "linkUrl": "https://pay.example.com/?ref={paymentId}",
                     *       "secrets": {
                     *         "secretKey": "••••1234"
                     *       },
                     *       "noticePath": "/webhooks/payments/stripe/01990000-0000-7000-8000-000000000001"
                     *     }
                     */
                    "application/json": components["schemas"]["PaymentMethodView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deliveries_list: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
                status?: "assigned" | "delivered" | "failed" | "in_transit" | "pending";
                /** @description The id of a user: what they were given. */
                driver?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "orderId": "01990000-0000-7000-8000-000000000001",
                     *           "orderNumber": 42,
                     *           "status": "in_transit",
                     *           "customer": {
                     *             "phone": "+263771234567",
                     *             "name": "Rudo"
                     *           },
                     *           "destination": {
                     *             "address": "12 Samora Machel Ave, Harare",
                     *             "location": {
                     *               "latitude": -17.8292,
                     *               "longitude": 31.0522
                     *             }
                     *           },
                     *           "driver": {
                     *             "id": "01990000-0000-7000-8000-000000000001",
                     *             "name": "Tapiwa"
                     *           },
                     *           "attempt": 1,
                     *           "reason": "Nobody at home",
                     *           "position": {
                     *             "latitude": -17.8292,
                     *             "longitude": 31.0522,
                     *             "accuracy": 12,
                     *             "at": "2026-11-24T09:30:00.000Z"
                     *           },
                     *           "proof": "code",
                     *           "photoId": "01990000-0000-7000-8000-000000000001",
                     *           "startedAt": "2026-11-24T09:30:00.000Z",
                     *           "closedAt": "2026-11-24T09:30:00.000Z",
                     *           "createdAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["DeliveryView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deliveries_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "orderId": "01990000-0000-7000-8000-000000000001",
                     *       "orderNumber": 42,
                     *       "status": "in_transit",
                     *       "customer": {
                     *         "phone": "+263771234567",
                     *         "name": "Rudo"
                     *       },
                     *       "destination": {
                     *         "address": "12 Samora Machel Ave, Harare",
                     *         "location": {
                     *           "latitude": -17.8292,
                     *           "longitude": 31.0522
                     *         }
                     *       },
                     *       "driver": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "name": "Tapiwa"
                     *       },
                     *       "attempt": 1,
                     *       "reason": "Nobody at home",
                     *       "position": {
                     *         "latitude": -17.8292,
                     *         "longitude": 31.0522,
                     *         "accuracy": 12,
                     *         "at": "2026-11-24T09:30:00.000Z"
                     *       },
                     *       "proof": "code",
                     *       "photoId": "01990000-0000-7000-8000-000000000001",
                     *       "startedAt": "2026-11-24T09:30:00.000Z",
                     *       "closedAt": "2026-11-24T09:30:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "trackingUrl": "https://soko.example.com/track/7d0e1c2b9a",
                     *       "history": [
                     *         {
                     *           "from": "assigned",
                     *           "to": "in_transit",
                     *           "driver": "Tapiwa",
                     *           "actor": "system",
                     *           "reason": "Nobody at home",
                     *           "at": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["DeliveryDetailView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deliveries_assign: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "driverId": "01990000-0000-7000-8000-000000000001"
                 *     }
                 */
                "application/json": components["schemas"]["AssignBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "orderId": "01990000-0000-7000-8000-000000000001",
                     *       "orderNumber": 42,
                     *       "status": "in_transit",
                     *       "customer": {
                     *         "phone": "+263771234567",
                     *         "name": "Rudo"
                     *       },
                     *       "destination": {
                     *         "address": "12 Samora Machel Ave, Harare",
                     *         "location": {
                     *           "latitude": -17.8292,
                     *           "longitude": 31.0522
                     *         }
                     *       },
                     *       "driver": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "name": "Tapiwa"
                     *       },
                     *       "attempt": 1,
                     *       "reason": "Nobody at home",
                     *       "position": {
                     *         "latitude": -17.8292,
                     *         "longitude": 31.0522,
                     *         "accuracy": 12,
                     *         "at": "2026-11-24T09:30:00.000Z"
                     *       },
                     *       "proof": "code",
                     *       "photoId": "01990000-0000-7000-8000-000000000001",
                     *       "startedAt": "2026-11-24T09:30:00.000Z",
                     *       "closedAt": "2026-11-24T09:30:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["DeliveryView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deliveries_start: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "orderId": "01990000-0000-7000-8000-000000000001",
                     *       "orderNumber": 42,
                     *       "status": "in_transit",
                     *       "customer": {
                     *         "phone": "+263771234567",
                     *         "name": "Rudo"
                     *       },
                     *       "destination": {
                     *         "address": "12 Samora Machel Ave, Harare",
                     *         "location": {
                     *           "latitude": -17.8292,
                     *           "longitude": 31.0522
                     *         }
                     *       },
                     *       "driver": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "name": "Tapiwa"
                     *       },
                     *       "attempt": 1,
                     *       "reason": "Nobody at home",
                     *       "position": {
                     *         "latitude": -17.8292,
                     *         "longitude": 31.0522,
                     *         "accuracy": 12,
                     *         "at": "2026-11-24T09:30:00.000Z"
                     *       },
                     *       "proof": "code",
                     *       "photoId": "01990000-0000-7000-8000-000000000001",
                     *       "startedAt": "2026-11-24T09:30:00.000Z",
                     *       "closedAt": "2026-11-24T09:30:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["DeliveryView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deliveries_locate: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "latitude": -17.8292,
                 *       "longitude": 31.0522,
                 *       "accuracy": 12
                 *     }
                 */
                "application/json": components["schemas"]["LocationBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "kept": true
                     *     }
                     */
                    "application/json": components["schemas"]["LocatedView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deliveries_photo: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "filename": "dot.png",
                 *       "mimeType": "image/png",
                 *       "data": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
                 *     }
                 */
                "application/json": components["schemas"]["UploadBody"];
                "multipart/form-data": {
                    /** Format: binary */
                    file: string;
                };
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "kind": "image",
                     *       "mimeType": "image/jpeg",
                     *       "size": 1848123,
                     *       "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                     *       "filename": "maize.jpg",
                     *       "status": "ready",
                     *       "reason": "The picture is damaged.",
                     *       "url": "https://soko.example.com/media/…",
                     *       "thumbnailUrl": "https://soko.example.com/media/…",
                     *       "blurhash": "LKO2?U%2Tw=w]~RBVZRi};RPxuwH",
                     *       "width": 2048,
                     *       "height": 1536,
                     *       "variants": {
                     *         "original": {
                     *           "url": "https://soko.example.com/media/…",
                     *           "mimeType": "image/jpeg",
                     *           "width": 800,
                     *           "height": 600,
                     *           "size": 61234
                     *         },
                     *         "medium": {
                     *           "url": "https://soko.example.com/media/…",
                     *           "mimeType": "image/jpeg",
                     *           "width": 800,
                     *           "height": 600,
                     *           "size": 61234
                     *         },
                     *         "thumbnail": {
                     *           "url": "https://soko.example.com/media/…",
                     *           "mimeType": "image/jpeg",
                     *           "width": 800,
                     *           "height": 600,
                     *           "size": 61234
                     *         }
                     *       },
                     *       "path": "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071/019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6072/original",
                     *       "origin": "upload",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["MediaView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deliveries_complete: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "code": "0482"
                 *     }
                 */
                "application/json": components["schemas"]["CompleteBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "orderId": "01990000-0000-7000-8000-000000000001",
                     *       "orderNumber": 42,
                     *       "status": "in_transit",
                     *       "customer": {
                     *         "phone": "+263771234567",
                     *         "name": "Rudo"
                     *       },
                     *       "destination": {
                     *         "address": "12 Samora Machel Ave, Harare",
                     *         "location": {
                     *           "latitude": -17.8292,
                     *           "longitude": 31.0522
                     *         }
                     *       },
                     *       "driver": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "name": "Tapiwa"
                     *       },
                     *       "attempt": 1,
                     *       "reason": "Nobody at home",
                     *       "position": {
                     *         "latitude": -17.8292,
                     *         "longitude": 31.0522,
                     *         "accuracy": 12,
                     *         "at": "2026-11-24T09:30:00.000Z"
                     *       },
                     *       "proof": "code",
                     *       "photoId": "01990000-0000-7000-8000-000000000001",
                     *       "startedAt": "2026-11-24T09:30:00.000Z",
                     *       "closedAt": "2026-11-24T09:30:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["DeliveryView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deliveries_fail: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "reason": "Nobody at home"
                 *     }
                 */
                "application/json": components["schemas"]["FailBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "orderId": "01990000-0000-7000-8000-000000000001",
                     *       "orderNumber": 42,
                     *       "status": "in_transit",
                     *       "customer": {
                     *         "phone": "+263771234567",
                     *         "name": "Rudo"
                     *       },
                     *       "destination": {
                     *         "address": "12 Samora Machel Ave, Harare",
                     *         "location": {
                     *           "latitude": -17.8292,
                     *           "longitude": 31.0522
                     *         }
                     *       },
                     *       "driver": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "name": "Tapiwa"
                     *       },
                     *       "attempt": 1,
                     *       "reason": "Nobody at home",
                     *       "position": {
                     *         "latitude": -17.8292,
                     *         "longitude": 31.0522,
                     *         "accuracy": 12,
                     *         "at": "2026-11-24T09:30:00.000Z"
                     *       },
                     *       "proof": "code",
                     *       "photoId": "01990000-0000-7000-8000-000000000001",
                     *       "startedAt": "2026-11-24T09:30:00.000Z",
                     *       "closedAt": "2026-11-24T09:30:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["DeliveryView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deliveries_retry: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "orderId": "01990000-0000-7000-8000-000000000001",
                     *       "orderNumber": 42,
                     *       "status": "in_transit",
                     *       "customer": {
                     *         "phone": "+263771234567",
                     *         "name": "Rudo"
                     *       },
                     *       "destination": {
                     *         "address": "12 Samora Machel Ave, Harare",
                     *         "location": {
                     *           "latitude": -17.8292,
                     *           "longitude": 31.0522
                     *         }
                     *       },
                     *       "driver": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "name": "Tapiwa"
                     *       },
                     *       "attempt": 1,
                     *       "reason": "Nobody at home",
                     *       "position": {
                     *         "latitude": -17.8292,
                     *         "longitude": 31.0522,
                     *         "accuracy": 12,
                     *         "at": "2026-11-24T09:30:00.000Z"
                     *       },
                     *       "proof": "code",
                     *       "photoId": "01990000-0000-7000-8000-000000000001",
                     *       "startedAt": "2026-11-24T09:30:00.000Z",
                     *       "closedAt": "2026-11-24T09:30:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["DeliveryView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tracking_state: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                token: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /** @example {} */
                    "application/json": components["schemas"]["TrackingStateView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    webhooks_list: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "url": "https://partner.example.com/hooks",
                     *           "events": [
                     *             "order_created"
                     *           ],
                     *           "description": "Accounting",
                     *           "headers": [
                     *             "X-Token"
                     *           ],
                     *           "filters": {
                     *             "status": "pending"
                     *           },
                     *           "rateLimit": 50,
                     *           "ordered": false,
                     *           "active": true,
                     *           "disabledReason": "failing",
                     *           "disabledAt": "2026-11-24T09:30:00.000Z",
                     *           "failingSince": "2026-11-21T14:00:00.000Z",
                     *           "breaker": {
                     *             "state": "open",
                     *             "until": "2026-11-21T14:02:30.000Z"
                     *           },
                     *           "oldSecretValidUntil": "2026-11-22T14:00:00.000Z",
                     *           "createdAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["WebhookView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    webhooks_create: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "url": "https://partner.example.com/hooks",
                 *       "events": [
                 *         "order_created"
                 *       ],
                 *       "filters": {
                 *         "status": "pending"
                 *       },
                 *       "rateLimit": 50,
                 *       "ordered": false
                 *     }
                 */
                "application/json": components["schemas"]["CreateWebhookBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "url": "https://partner.example.com/hooks",
                     *       "events": [
                     *         "order_created"
                     *       ],
                     *       "description": "Accounting",
                     *       "headers": [
                     *         "X-Token"
                     *       ],
                     *       "filters": {
                     *         "status": "pending"
                     *       },
                     *       "rateLimit": 50,
                     *       "ordered": false,
                     *       "active": true,
                     *       "disabledReason": "failing",
                     *       "disabledAt": "2026-11-24T09:30:00.000Z",
                     *       "failingSince": "2026-11-21T14:00:00.000Z",
                     *       "breaker": {
                     *         "state": "open",
                     *         "until": "2026-11-21T14:02:30.000Z"
                     *       },
                     *       "oldSecretValidUntil": "2026-11-22T14:00:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "secret": "whsec_Zm9yIGV4YW1wbGUgb25seTogdGhpcyBpcyBubyBrZXk="
                     *     }
                     */
                    "application/json": components["schemas"]["CreatedWebhookView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    webhooks_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "url": "https://partner.example.com/hooks",
                     *       "events": [
                     *         "order_created"
                     *       ],
                     *       "description": "Accounting",
                     *       "headers": [
                     *         "X-Token"
                     *       ],
                     *       "filters": {
                     *         "status": "pending"
                     *       },
                     *       "rateLimit": 50,
                     *       "ordered": false,
                     *       "active": true,
                     *       "disabledReason": "failing",
                     *       "disabledAt": "2026-11-24T09:30:00.000Z",
                     *       "failingSince": "2026-11-21T14:00:00.000Z",
                     *       "breaker": {
                     *         "state": "open",
                     *         "until": "2026-11-21T14:02:30.000Z"
                     *       },
                     *       "oldSecretValidUntil": "2026-11-22T14:00:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["WebhookView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    webhooks_remove: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    webhooks_update: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "filters": {
                 *         "status": "pending"
                 *       },
                 *       "rateLimit": 50,
                 *       "ordered": true,
                 *       "active": false
                 *     }
                 */
                "application/json": components["schemas"]["UpdateWebhookBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "url": "https://partner.example.com/hooks",
                     *       "events": [
                     *         "order_created"
                     *       ],
                     *       "description": "Accounting",
                     *       "headers": [
                     *         "X-Token"
                     *       ],
                     *       "filters": {
                     *         "status": "pending"
                     *       },
                     *       "rateLimit": 50,
                     *       "ordered": false,
                     *       "active": true,
                     *       "disabledReason": "failing",
                     *       "disabledAt": "2026-11-24T09:30:00.000Z",
                     *       "failingSince": "2026-11-21T14:00:00.000Z",
                     *       "breaker": {
                     *         "state": "open",
                     *         "until": "2026-11-21T14:02:30.000Z"
                     *       },
                     *       "oldSecretValidUntil": "2026-11-22T14:00:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["WebhookView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    webhooks_rotateSecret: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "secret": "whsec_Zm9yIGV4YW1wbGUgb25seTogdGhpcyBpcyBubyBrZXk=",
                     *       "oldSecretValidUntil": "2026-11-22T14:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["RotatedSecretView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    webhooks_test: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "event": "order_created"
                 *     }
                 */
                "application/json": components["schemas"]["TestWebhookBody"];
            };
        };
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "eventId": "01990000-0000-7000-8000-000000000001",
                     *       "event": "order_created"
                     *     }
                     */
                    "application/json": components["schemas"]["ResentView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    webhooks_logs: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
                status?: "delivered" | "failed";
                event?: "bot_connected" | "bot_disconnected" | "broadcast_finished" | "broadcast_started" | "channel_failed" | "channel_linking" | "channel_restricted" | "chat_handed_over" | "contact_consent_changed" | "delivery_assigned" | "delivery_completed" | "delivery_failed" | "delivery_started" | "merchant_registered" | "message_failed" | "message_received" | "message_sent" | "number_claimed" | "number_proven" | "order_created" | "order_held" | "order_hold_ended" | "order_status_changed" | "payment_failed" | "payment_received" | "payment_refund_due" | "payment_refunded" | "payment_requested" | "product_updated" | "stock_low" | "template_state_changed" | "webhook_disabled" | "webhook_failing";
                /** @description Every attempt for one event. */
                eventId?: string;
                trigger?: "event" | "recovery" | "replay" | "test";
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "webhookId": "01990000-0000-7000-8000-000000000001",
                     *           "eventId": "01990000-0000-7000-8000-000000000001",
                     *           "event": "order_created",
                     *           "attempt": 1,
                     *           "trigger": "event",
                     *           "status": "delivered",
                     *           "request": {
                     *             "url": "https://partner.example.com/hooks",
                     *             "headers": {
                     *               "webhook-id": "01990000-0000-7000-8000-000000000001",
                     *               "X-Token": "***"
                     *             },
                     *             "body": "01990000-0000-7000-8000-000000000001"
                     *           },
                     *           "response": {
                     *             "status": 200,
                     *             "body": "ok"
                     *           },
                     *           "durationMs": 84,
                     *           "error": "the receiver answered 503",
                     *           "errorClass": "status",
                     *           "nextTryAt": "2026-11-24T09:30:00.000Z",
                     *           "createdAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["WebhookLogView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    webhooks_log: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                logId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "webhookId": "01990000-0000-7000-8000-000000000001",
                     *       "eventId": "01990000-0000-7000-8000-000000000001",
                     *       "event": "order_created",
                     *       "attempt": 1,
                     *       "trigger": "event",
                     *       "status": "delivered",
                     *       "request": {
                     *         "url": "https://partner.example.com/hooks",
                     *         "headers": {
                     *           "webhook-id": "01990000-0000-7000-8000-000000000001",
                     *           "X-Token": "***"
                     *         },
                     *         "body": "01990000-0000-7000-8000-000000000001"
                     *       },
                     *       "response": {
                     *         "status": 200,
                     *         "body": "ok"
                     *       },
                     *       "durationMs": 84,
                     *       "error": "the receiver answered 503",
                     *       "errorClass": "status",
                     *       "nextTryAt": "2026-11-24T09:30:00.000Z",
                     *       "createdAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["WebhookLogView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    webhooks_replay: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                logId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "eventId": "01990000-0000-7000-8000-000000000001",
                     *       "event": "order_created"
                     *     }
                     */
                    "application/json": components["schemas"]["ResentView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    webhooks_recover: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "since": "2026-11-21T14:00:00Z"
                 *     }
                 */
                "application/json": components["schemas"]["RecoverWebhookBody"];
            };
        };
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "webhookId": "01990000-0000-7000-8000-000000000001",
                     *       "since": "2026-11-21T14:00:00.000Z",
                     *       "status": "done",
                     *       "recovered": 42,
                     *       "reason": "the subscription is not active any more",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "finishedAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["RecoveryView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    webhooks_listRecoveries: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "webhookId": "01990000-0000-7000-8000-000000000001",
                     *           "since": "2026-11-21T14:00:00.000Z",
                     *           "status": "done",
                     *           "recovered": 42,
                     *           "reason": "the subscription is not active any more",
                     *           "createdAt": "2026-11-24T09:30:00.000Z",
                     *           "finishedAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["RecoveryView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    webhooks_recovery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                recoveryId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "webhookId": "01990000-0000-7000-8000-000000000001",
                     *       "since": "2026-11-21T14:00:00.000Z",
                     *       "status": "done",
                     *       "recovered": 42,
                     *       "reason": "the subscription is not active any more",
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "finishedAt": "2026-11-24T09:30:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["RecoveryView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    eventTypes_list: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "type": "order_created",
                     *           "version": 1,
                     *           "description": "A customer has placed an order.",
                     *           "schema": {
                     *             "type": "object"
                     *           },
                     *           "example": {
                     *             "type": "order_created"
                     *           }
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["EventTypesView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    history_list: {
        parameters: {
            query?: {
                limit?: number;
                /** @description The id of an event, or a `nextCursor`: what came after it. */
                after?: string;
                /** @description Of these types alone: several with commas between, or the parameter several times. */
                types?: ("bot_connected" | "bot_disconnected" | "broadcast_finished" | "broadcast_started" | "channel_failed" | "channel_linking" | "channel_restricted" | "chat_handed_over" | "contact_consent_changed" | "delivery_assigned" | "delivery_completed" | "delivery_failed" | "delivery_started" | "merchant_registered" | "message_failed" | "message_received" | "message_sent" | "number_claimed" | "number_proven" | "order_created" | "order_held" | "order_hold_ended" | "order_status_changed" | "payment_failed" | "payment_received" | "payment_refund_due" | "payment_refunded" | "payment_requested" | "product_updated" | "stock_low" | "template_state_changed" | "webhook_disabled" | "webhook_failing")[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "type": "order_created",
                     *           "timestamp": "2026-11-24T09:30:00.000Z",
                     *           "merchantId": "01990000-0000-7000-8000-000000000001",
                     *           "data": {
                     *             "orderId": "01990000-0000-7000-8000-000000000001",
                     *             "number": 1042,
                     *             "status": "pending"
                     *           }
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["EventView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    history_stream: {
        parameters: {
            query?: {
                /** @description The id of an event, or a `nextCursor`: what came after it. */
                after?: string;
                /** @description Of these types alone: several with commas between, or the parameter several times. */
                types?: ("bot_connected" | "bot_disconnected" | "broadcast_finished" | "broadcast_started" | "channel_failed" | "channel_linking" | "channel_restricted" | "chat_handed_over" | "contact_consent_changed" | "delivery_assigned" | "delivery_completed" | "delivery_failed" | "delivery_started" | "merchant_registered" | "message_failed" | "message_received" | "message_sent" | "number_claimed" | "number_proven" | "order_created" | "order_held" | "order_hold_ended" | "order_status_changed" | "payment_failed" | "payment_received" | "payment_refund_due" | "payment_refunded" | "payment_requested" | "product_updated" | "stock_low" | "template_state_changed" | "webhook_disabled" | "webhook_failing")[];
            };
            header?: {
                "Last-Event-ID"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example id: 01990000-0000-7000-8000-000000000001
                     *     data: {"id":"01990000-0000-7000-8000-000000000001","type":"order_created","timestamp":"2026-11-24T09:30:00.000Z","merchantId":"01990000-0000-7000-8000-000000000002","data":{}}
                     */
                    "text/event-stream": string;
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whatsappWebhook_challenge: {
        parameters: {
            query?: {
                /** @description For example `1158201444`. */
                "hub.challenge"?: string;
                /** @description For example `my-verify-token`. */
                "hub.verify_token"?: string;
                /** @description For example `subscribe`. */
                "hub.mode"?: string;
            };
            header?: never;
            path: {
                channelId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /** @example 1158201444 */
                    "text/plain": string;
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whatsappWebhook_receive: {
        parameters: {
            query?: never;
            header: {
                /** @description Proves who calls: HMAC-SHA256 of the body. */
                "X-Hub-Signature-256": string;
            };
            path: {
                channelId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "object": "whatsapp_business_account",
                 *       "entry": []
                 *     }
                 */
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    paymentsWebhook_receive: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                provider: "mobile_money" | "stripe";
                merchantId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "type": "payment.succeeded",
                 *       "data": {}
                 *     }
                 */
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    botWebhook_receive: {
        parameters: {
            query?: never;
            header: {
                /** @description HMAC-SHA256 of id, timestamp and body. */
                "webhook-signature": string;
                /** @description Of this try, in seconds; five minutes off at most. */
                "webhook-timestamp": string;
                /** @description The same on every try. */
                "webhook-id": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "event_type": "stock.adjust",
                 *       "payload": {
                 *         "sku": "MAIZE-10",
                 *         "delta": 12,
                 *         "reason": "New delivery"
                 *       },
                 *       "merchant_id": "01990000-0000-7000-8000-000000000001"
                 *     }
                 */
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
                     *       "eventType": "stock.adjust",
                     *       "result": {
                     *         "id": "01990000-0000-7000-8000-000000000001",
                     *         "stock": 37
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["BotAnswerView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    audit_list: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
                /** @description A kind of thing (in the plural, if you like), one of them by `kind:id`, or an id. For example `product`. */
                entity?: string;
                /** @description The id of a user or an API key, or `bot` or `system`. For example `system`. */
                actor?: string;
                /** @description Not before this time. For example `2026-11-01T00:00:00Z`. */
                from?: string;
                /** @description Before this time. For example `2036-12-01T00:00:00Z`. */
                to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "seq": 42,
                     *           "at": "2026-11-24T09:30:00.000Z",
                     *           "actor": {
                     *             "type": "user",
                     *             "id": "01990000-0000-7000-8000-000000000001",
                     *             "role": "owner"
                     *           },
                     *           "ip": "203.0.113.7",
                     *           "requestId": "01990000-0000-7000-8000-000000000001",
                     *           "entity": "product",
                     *           "entityId": "01990000-0000-7000-8000-000000000001",
                     *           "action": "update",
                     *           "before": {
                     *             "name": "Rice 5 kg",
                     *             "price_amount": 720
                     *           },
                     *           "after": {
                     *             "name": "Rice 5 kg",
                     *             "price_amount": 750
                     *           },
                     *           "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["AuditEntryView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_listMerchants: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
                /** @description Part of the name. For example `market`. */
                q?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "name": "Mbare Market",
                     *           "currency": "USD",
                     *           "timezone": "Africa/Harare",
                     *           "locale": "en",
                     *           "openingHours": {
                     *             "monday": [
                     *               {
                     *                 "from": "08:00",
                     *                 "to": "17:30"
                     *               }
                     *             ],
                     *             "tuesday": [
                     *               {
                     *                 "from": "08:00",
                     *                 "to": "17:30"
                     *               }
                     *             ],
                     *             "wednesday": [
                     *               {
                     *                 "from": "08:00",
                     *                 "to": "17:30"
                     *               }
                     *             ],
                     *             "thursday": [
                     *               {
                     *                 "from": "08:00",
                     *                 "to": "17:30"
                     *               }
                     *             ],
                     *             "friday": [
                     *               {
                     *                 "from": "08:00",
                     *                 "to": "17:30"
                     *               }
                     *             ],
                     *             "saturday": [
                     *               {
                     *                 "from": "08:00",
                     *                 "to": "17:30"
                     *               }
                     *             ],
                     *             "sunday": [
                     *               {
                     *                 "from": "08:00",
                     *                 "to": "17:30"
                     *               }
                     *             ]
                     *           },
                     *           "cartReminderHours": 3,
                     *           "handoverMinutes": 120,
                     *           "botPaused": true,
                     *           "plan": "standard",
                     *           "limits": {
                     *             "api": {
                     *               "requests": 6000,
                     *               "windowSeconds": 900
                     *             },
                     *             "messages": {
                     *               "requests": 6000,
                     *               "windowSeconds": 900
                     *             },
                     *             "uploads": {
                     *               "requests": 6000,
                     *               "windowSeconds": 900
                     *             }
                     *           },
                     *           "createdAt": "2026-11-24T09:30:00.000Z",
                     *           "inboundSecret": {
                     *             "createdAt": "2026-11-24T09:30:00.000Z",
                     *             "oldValidUntil": "2026-11-25T09:30:00.000Z"
                     *           }
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["MerchantProfileView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_changePlan: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "plan": "trial"
                 *     }
                 */
                "application/json": components["schemas"]["ChangePlanBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "name": "Mbare Market",
                     *       "currency": "USD",
                     *       "timezone": "Africa/Harare",
                     *       "locale": "en",
                     *       "openingHours": {
                     *         "monday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "tuesday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "wednesday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "thursday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "friday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "saturday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ],
                     *         "sunday": [
                     *           {
                     *             "from": "08:00",
                     *             "to": "17:30"
                     *           }
                     *         ]
                     *       },
                     *       "cartReminderHours": 3,
                     *       "handoverMinutes": 120,
                     *       "botPaused": true,
                     *       "plan": "standard",
                     *       "limits": {
                     *         "api": {
                     *           "requests": 6000,
                     *           "windowSeconds": 900
                     *         },
                     *         "messages": {
                     *           "requests": 6000,
                     *           "windowSeconds": 900
                     *         },
                     *         "uploads": {
                     *           "requests": 6000,
                     *           "windowSeconds": 900
                     *         }
                     *       },
                     *       "createdAt": "2026-11-24T09:30:00.000Z",
                     *       "inboundSecret": {
                     *         "createdAt": "2026-11-24T09:30:00.000Z",
                     *         "oldValidUntil": "2026-11-25T09:30:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["MerchantProfileView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_listKeys: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
                /** @description Of this merchant alone. */
                merchantId?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "name": "Accounting system",
                     *           "hint": "sk_…x7Qa",
                     *           "scopes": [
                     *             "orders:read",
                     *             "events:read"
                     *           ],
                     *           "expiresAt": "2036-01-01T00:00:00.000Z",
                     *           "lastUsedAt": "2026-11-24T09:30:00.000Z",
                     *           "createdBy": "01990000-0000-7000-8000-000000000002",
                     *           "createdAt": "2026-11-24T09:30:00.000Z",
                     *           "merchantId": "01990000-0000-7000-8000-000000000001"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["AdminApiKeyView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_revokeKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_listQueues: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "name": "message_sending-0",
                     *         "waiting": 12,
                     *         "active": 3,
                     *         "delayed": 0,
                     *         "failed": 1
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["QueueView"][];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                queue: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "4711",
                     *       "name": "process-order",
                     *       "state": "failed",
                     *       "progress": 100,
                     *       "attemptsMade": 3,
                     *       "failedReason": "the database is starting up"
                     *     }
                     */
                    "application/json": components["schemas"]["JobView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_listBreakers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "name": "whatsapp_cloud",
                     *         "state": "open",
                     *         "openUntil": "2026-11-25T09:30:10.000Z",
                     *         "trips": 1,
                     *         "reason": "Meta answered 503",
                     *         "changedAt": "2026-11-24T09:30:00.000Z"
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["BreakerView"][];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deadLetters_list: {
        parameters: {
            query?: {
                limit?: number;
                /** @description `nextCursor` of the page before. */
                cursor?: string;
                /** @description For example `inbound_message`. */
                kind?: "inbound_message" | "incoming_file" | "outbound_message" | "reaction" | "unanswered_message" | "webhook_delivery";
                /** @description Of this merchant alone. */
                merchantId?: string;
                /** @description Part of why it failed, in either case. For example `timeout`. */
                reason?: string;
                /** @description For example `dead`. */
                status?: "dead" | "retrying";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "01990000-0000-7000-8000-000000000001",
                     *           "merchantId": "01990000-0000-7000-8000-000000000001",
                     *           "kind": "inbound_message",
                     *           "reference": "01990000-0000-7000-8000-000000000001",
                     *           "subjectId": "01990000-0000-7000-8000-000000000001",
                     *           "reason": "a message without an id",
                     *           "status": "dead",
                     *           "attempts": 2,
                     *           "firstFailedAt": "2026-11-24T09:30:00.000Z",
                     *           "lastFailedAt": "2026-11-24T09:30:00.000Z",
                     *           "nextTryAt": "2026-11-24T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "limit": 50,
                     *         "hasMore": true,
                     *         "nextCursor": "WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ",
                     *         "offset": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["DeadLetterView"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deadLetters_retryMany: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "ids": [
                 *         "01990000-0000-7000-8000-000000000001"
                 *       ],
                 *       "kind": "webhook_delivery",
                 *       "reason": "timeout",
                 *       "limit": 100,
                 *       "after": "01990000-0000-7000-8000-000000000001"
                 *     }
                 */
                "application/json": components["schemas"]["DeadLetterSelection"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "count": 100,
                     *       "next": "01990000-0000-7000-8000-000000000001"
                     *     }
                     */
                    "application/json": components["schemas"]["DeadLettersTakenView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deadLetters_discardMany: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "ids": [
                 *         "01990000-0000-7000-8000-000000000001"
                 *       ],
                 *       "kind": "webhook_delivery",
                 *       "reason": "timeout",
                 *       "limit": 100,
                 *       "after": "01990000-0000-7000-8000-000000000001"
                 *     }
                 */
                "application/json": components["schemas"]["DeadLetterSelection"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "count": 100,
                     *       "next": "01990000-0000-7000-8000-000000000001"
                     *     }
                     */
                    "application/json": components["schemas"]["DeadLettersTakenView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deadLetters_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01990000-0000-7000-8000-000000000001",
                     *       "merchantId": "01990000-0000-7000-8000-000000000001",
                     *       "kind": "inbound_message",
                     *       "reference": "01990000-0000-7000-8000-000000000001",
                     *       "subjectId": "01990000-0000-7000-8000-000000000001",
                     *       "reason": "a message without an id",
                     *       "status": "dead",
                     *       "attempts": 2,
                     *       "firstFailedAt": "2026-11-24T09:30:00.000Z",
                     *       "lastFailedAt": "2026-11-24T09:30:00.000Z",
                     *       "nextTryAt": "2026-11-24T09:30:00.000Z",
                     *       "payload": "{ … }"
                     *     }
                     */
                    "application/json": components["schemas"]["DeadLetterDetailView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deadLetters_discard: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deadLetters_retry: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    health_health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok"
                     *     }
                     */
                    "application/json": components["schemas"]["HealthView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    health_live: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok"
                     *     }
                     */
                    "application/json": components["schemas"]["HealthView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    health_ready: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok",
                     *       "parts": {
                     *         "database": {
                     *           "status": "ok",
                     *           "latencyMs": 2
                     *         },
                     *         "queue": {
                     *           "status": "ok",
                     *           "latencyMs": 2
                     *         },
                     *         "storage": {
                     *           "status": "ok",
                     *           "latencyMs": 2
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["ReadinessView"];
                };
            };
            /** @description The call was refused. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
