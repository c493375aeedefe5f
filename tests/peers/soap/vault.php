<?php
// An evidence vault on PHP's own SoapServer.  Each path is a vault of its own, whose state is a JSON file that a test fills.

ini_set('soap.wsdl_cache_enabled', '0');
ini_set('serialize_precision', '-1');
date_default_timezone_set('UTC');

class Vault
{
    private $file;
    private $state;

    public function __construct($file)
    {
        $this->file = $file;
        $this->state = json_decode(file_get_contents($file), true);
    }

    private function save()
    {
        file_put_contents($this->file . '.new', json_encode($this->state));
        rename($this->file . '.new', $this->file);
    }

    public function ListRecordings($asked)
    {
        $this->state['asked'][] = (array) $asked;
        $this->save();
        $max = $asked->max ?? 1000;
        $from = isset($asked->token) ? (int) substr($asked->token, 1) : -1;
        if ($from >= 0 && !empty($this->state['expired'])) {
            $this->state['expired'] = false;
            $this->save();
            throw new SoapFault('Client', 'The token of this session has expired', null, new SoapVar('<v:TokenExpired xmlns:v="urn:example:evidence-vault:3"/>', XSD_ANYXML));
        }
        $found = [];
        foreach ($this->state['recordings'] as $number => $recording) {
            $after = $from >= 0 ? $number >= $from : (!isset($asked->changedAfter) || strtotime($recording['modifiedAt']) >= strtotime($asked->changedAfter));
            if ($after && count($found) < $max) {
                $found[$number] = $this->typed($recording);
            }
        }
        $next = $found ? max(array_keys($found)) + 1 : max($from, 0);
        return [
            'recordings' => ['recording' => array_values($found)],
            'nextToken' => 'T' . ($found || $from >= 0 ? $next : count($this->state['recordings'])),
            'hasMore' => $found && $next < count($this->state['recordings']),
        ];
    }

    private function typed($recording)
    {
        if (isset($recording['digest'])) {
            $recording['digest'] = ['_' => $recording['digest'], 'function' => 'SHA-256'];
        }
        return $recording;
    }

    public function TakeTransfers($asked)
    {
        $taken = array_splice($this->state['transfers'], 0, $asked->max ?? 1000);
        if (!$taken) {
            return ['transfer' => []];
        }
        $receipt = 'R' . (count($this->state['receipts']) + 1);
        $this->state['receipts'][$receipt] = false;
        $this->save();
        return ['transfer' => $taken, 'receipt' => $receipt];
    }

    public function ConfirmTransfers($asked)
    {
        if (!array_key_exists($asked->receipt, $this->state['receipts'])) {
            throw new SoapFault('Client', 'No such receipt');
        }
        $this->state['receipts'][$asked->receipt] = true;
        $this->save();
        return ['confirmed' => true];
    }
}

// A registry that speaks rpc/literal, with one-way notes and content of any kind.
class Registry
{
    private $file;

    public function __construct($file)
    {
        $this->file = $file;
    }

    public function List($after, $page)
    {
        $state = json_decode(file_get_contents($this->file), true);
        $state['asked'][] = file_get_contents('php://input');
        file_put_contents($this->file, json_encode($state));
        $found = array_slice($state['items'], 2 * $page, 2);
        foreach ($found as &$item) {
            $item['any'] = new SoapVar('<x:extra xmlns:x="urn:example:extra"><x:of>' . $item['id'] . '</x:of></x:extra>', XSD_ANYXML);
        }
        return ['items' => ['item' => $found], 'count' => count($found)];
    }

    public function Note($text)
    {
        $state = json_decode(file_get_contents($this->file), true);
        $state['notes'][] = $text;
        file_put_contents($this->file, json_encode($state));
    }
}

$name = basename(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
$file = getenv('VAULTS') . '/' . $name . '.json';
if (!is_file($file)) {
    http_response_code(404);
    exit('there is no vault of this name');
}
$registry = strpos($_SERVER['REQUEST_URI'], '/registry/') === 0;
$server = new SoapServer(getenv($registry ? 'REGISTRY_WSDL' : 'VAULT_WSDL'), ['cache_wsdl' => WSDL_CACHE_NONE, 'features' => SOAP_SINGLE_ELEMENT_ARRAYS]);
$server->setObject($registry ? new Registry($file) : new Vault($file));
$server->handle();
