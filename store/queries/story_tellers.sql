-- Who tells anything at all of single requests?
--
-- clients, gateway, providers    whether the log has any request, any attempt of the gateway's, any of a provider's
SELECT
    EXISTS (FROM requests) AS clients,
    EXISTS (FROM gateway_attempts) AS gateway,
    EXISTS (FROM attempts WHERE request_id IS NOT NULL) AS providers
