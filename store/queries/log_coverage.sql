-- Whose log can have anything of single requests?
--
-- clients, providers    whether the log has any request, any attempt of a provider's
-- gateway, breakers     whether the gateway reports its attempts, its circuit breakers (the view `gateway_reports`)
SELECT
    EXISTS (FROM requests) AS clients,
    (SELECT attempts FROM gateway_reports) AS gateway,
    (SELECT breakers FROM gateway_reports) AS breakers,
    EXISTS (FROM attempts WHERE request_id IS NOT NULL) AS providers
