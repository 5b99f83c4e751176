"""What every room shares and nothing else: ids, times, errors, the API's manners, throttles, logs, the live bus."""
